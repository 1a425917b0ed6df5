"""Figure 9: six statistics of the dataset beside those of four published datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.report.result_figures.base import Material, Missing, ResultFigure
from rsitmd_tools.report.style import Style, new_figure, plain_axes, shortened

# Yuan et al., 2021, figure 9 and section IV: published figures, none of them computed here.
PUBLISHED: Mapping[str, Mapping[str, float]] = {
    "Sydney": {
        "images": 555,
        "average_length": 13.18,
        "diversity": 1.83,
        "average_similarity": 0.178,
        "distinct_words": 224,
        "categories": 7,
    },
    "UCM": {
        "images": 2100,
        "average_length": 11.52,
        "diversity": 0.97,
        "average_similarity": 0.058,
        "distinct_words": 337,
        "categories": 21,
    },
    "RSICD": {
        "images": 10921,
        "average_length": 11.57,
        "diversity": 1.67,
        "average_similarity": 0.072,
        "distinct_words": 3057,
        "categories": 30,
    },
    "RSITMD": {
        "images": 4743,
        "average_length": 11.32,
        "diversity": 4.60,
        "average_similarity": 0.028,
        "distinct_words": 3908,
        "categories": 32,
    },
}
# Key, title and decimal places.
PANELS = (
    ("images", "images", 0),
    ("average_length", "tokens per sentence", 2),
    ("diversity", "distinct sentences per image", 2),
    ("average_similarity", "average similarity", 3),
    ("distinct_words", "distinct words", 0),
    ("categories", "categories", 0),
)


@dataclass(frozen=True, slots=True)
class Panel:
    """A statistic.

    Attributes:
        title: Its name.
        digits: Decimal places.
        bars: ``(dataset, value)``, this dataset last; None where it is undefined.
    """

    title: str
    digits: int
    bars: Sequence[tuple[str, float | None]]


def compute(material: Material) -> list[Panel]:
    """Return six panels; a dataset without categories has no value there.

    Raises:
        Missing: There is no dataset, or it has no sentences.
    """
    data = material.required_data()
    statistics = data.statistics
    if not statistics["sentences"]:
        raise Missing("the dataset has no sentences")
    panels = []
    for key, title, digits in PANELS:
        bars: list[tuple[str, float | None]] = [
            (name, values[key]) for name, values in PUBLISHED.items()
        ]
        own = statistics[key]
        if key == "categories" and not own:
            own = None
        panels.append(Panel(title, digits, [*bars, (data.dataset.name, own)]))
    return panels


def draw(panels: Sequence[Panel], style: Style) -> Any:
    """Draw the panels; the bar of this dataset has another colour and a hatch."""
    figure = new_figure(9.6, 4.6)
    grid = figure.subplots(2, 3)
    figure.get_layout_engine().set(h_pad=0.12, w_pad=0.08)
    for axes, panel in zip(grid.flat, panels, strict=True):
        plain_axes(axes, style)
        axes.grid(visible=False)
        axes.set_yticks([])
        axes.set_title(panel.title, fontsize=10)
        last = len(panel.bars) - 1
        for place, (_, value) in enumerate(panel.bars):
            own = place == last
            axes.bar(
                place, value or 0, width=0.72, color=style.colour(1 if own else 0),
                edgecolor=style.soft if own else "none", hatch="//" if own else None,
                linewidth=0.6 if own else 0,
            )  # fmt: skip
            text = "unknown" if value is None else f"{value:,.{panel.digits}f}"
            axes.annotate(
                text.replace(",", "\u2009"), (place, value or 0), (0, 2),
                textcoords="offset points", ha="center", va="bottom", fontsize=8, color=style.ink,
            )  # fmt: skip
        names = [shortened(name, 11) for name, _ in panel.bars]
        axes.set_xticks(range(len(names)), names, fontsize=7.5)
        axes.margins(y=0.14)
    return figure


FIGURE = ResultFigure(
    "dataset",
    "The dataset beside four published ones (figure 9)",
    "comparison with published datasets (figure 9)",
    compute,
    draw,
)

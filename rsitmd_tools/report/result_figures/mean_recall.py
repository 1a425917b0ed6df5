"""Mean recall of each run with its interval, chance, and what the category alone would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.report.result_figures.base import Material, ResultFigure
from rsitmd_tools.report.style import Style, new_figure, plain_axes, shortened


@dataclass(frozen=True, slots=True)
class Row:
    """A run: mean recalls in percent.

    Attributes:
        name: Its name.
        value: Its mean recall.
        low: Lower end of the interval.
        high: Upper end.
        chance: Of a random order.
        category: Of a model that knows only the categories; None if they are unknown.
    """

    name: str
    value: float
    low: float
    high: float
    chance: float
    category: float | None


def compute(material: Material) -> list[Row]:
    """Return a row for each run."""
    rows = []
    for run in material.runs:
        result = run.result
        known = result.get("category_chance")
        low, high = result["interval"]["mean_recall"]
        rows.append(
            Row(
                run.name,
                result["mean_recall"],
                low,
                high,
                result["chance"]["mean_recall"],
                None if known is None else known["mean_recall"],
            )
        )
    return rows


def draw(rows: Sequence[Row], style: Style) -> Any:
    """Draw a line for each run, from the lower to the upper end of its interval."""
    figure = new_figure(6.4, 1.1 + 0.42 * len(rows))
    axes = plain_axes(figure.subplots(), style, "x")
    for place, row in enumerate(rows):
        look = style.run(place)
        axes.plot([row.low, row.high], [place, place], color=look["color"], linewidth=2)
        axes.plot(row.value, place, **look, markersize=7)
        axes.plot(row.chance, place, "|", color=style.ink, markersize=12)
        if row.category is not None:
            axes.plot(row.category, place, "d", color=style.ink, markersize=5, fillstyle="none")
    axes.set_yticks(range(len(rows)), [shortened(row.name, 40) for row in rows], color=style.ink)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(left=0)
    known = ", diamond: the category alone" if any(row.category is not None for row in rows) else ""
    axes.set_xlabel(f"mean recall, percent (bar: chance{known})")
    return figure


FIGURE = ResultFigure(
    "mean-recall", "Mean recall with its interval", "mean recall", compute, draw, in_page=False
)

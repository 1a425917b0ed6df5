"""Mean recall of the queries of each category."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.report.result_figures.base import Material, Missing, ResultFigure
from rsitmd_tools.report.style import LONGEST_NAME, Style, legend, new_figure, plain_axes, shortened

MOST_CATEGORIES = 40


@dataclass(frozen=True, slots=True)
class CategoryRecall:
    """Mean recalls in percent.

    Attributes:
        categories: At most 40, those with the most images; the highest mean over the runs first.
        runs: ``(number, name, values)``; None where a run has no query of a category.
        left_out: Number of categories that are not shown.
    """

    categories: Sequence[str]
    runs: Sequence[tuple[int, str, Sequence[float | None]]]
    left_out: int


def compute(material: Material) -> CategoryRecall:
    """Return the recalls of all runs.

    Raises:
        Missing: No run has categories.
    """
    tables = [run.result["categories"] for run in material.runs]
    sizes: dict[str, int] = {}
    for table in tables:
        for name, row in table.items():
            sizes[name] = max(sizes.get(name, 0), row["images"])
    if not sizes:
        raise Missing("the images have no categories")
    kept = sorted(sizes, key=lambda name: (-sizes[name], name))[:MOST_CATEGORIES]

    def mean(name: str) -> float:
        values = [table[name]["mean_recall"] for table in tables if name in table]
        return float(sum(values) / len(values))

    names = sorted(kept, key=lambda name: (-mean(name), name))
    runs = [
        (
            number,
            run.name,
            [table[name]["mean_recall"] if name in table else None for name in names],
        )
        for number, (run, table) in enumerate(zip(material.runs, tables, strict=True))
        if table
    ]
    return CategoryRecall(names, runs, len(sizes) - len(names))


def draw(found: CategoryRecall, style: Style) -> Any:
    """Draw a line for each category, and a mark for each run."""
    count = len(found.categories)
    figure = new_figure(6.4, 1.4 + 0.23 * count)
    axes = plain_axes(figure.subplots(), style, "both")
    handles = []
    for number, _, values in found.runs:
        known = [(value, place) for place, value in enumerate(values) if value is not None]
        (handle,) = axes.plot(
            *zip(*known, strict=True), linestyle="", markersize=6, alpha=0.85, **style.run(number)
        )
        handles.append(handle)
    axes.set_yticks(
        range(count), [shortened(name, LONGEST_NAME) for name in found.categories], fontsize=9
    )
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("mean recall, percent")
    legend(figure, style, handles, [name for _, name, _ in found.runs])
    return figure


FIGURE = ResultFigure("categories", "Mean recall by category", "recall by category", compute, draw)

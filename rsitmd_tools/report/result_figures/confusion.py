"""Confusion between categories: what category the first image has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.report.result_figures.base import Material, Missing, ResultFigure
from rsitmd_tools.report.style import HEAT, LONGEST_NAME, Style, new_figure, plain_axes, shortened

MOST_CATEGORIES = 40


@dataclass(frozen=True, slots=True)
class Confusion:
    """The confusions of one run.

    Attributes:
        run: Name of the run: the one with the highest mean recall.
        categories: At most 40, those with the most sentences, sorted.
        shares: ``(C, C)``: of the sentences of a category, the percentage for which the first
            image has another category, or the same.
        left_out: Number of categories that are not shown.
    """

    run: str
    categories: Sequence[str]
    shares: npt.NDArray[np.float64]
    left_out: int


def compute(material: Material) -> Confusion:
    """Return the confusions of the run with the highest mean recall.

    Raises:
        Missing: No run has categories.
    """
    having = [(n, found["confusion"]) for n, found in material.analysed() if found["confusion"]]
    if not having:
        raise Missing("the images have fewer than two categories")
    number, found = max(having, key=lambda entry: material.runs[entry[0]].result["mean_recall"])
    counts = np.array(found["counts"], float)
    totals = counts.sum(1)
    kept = np.sort(np.argsort(-totals, kind="stable")[:MOST_CATEGORIES])
    shares = 100 * counts[np.ix_(kept, kept)] / np.maximum(totals[kept], 1)[:, None]
    names = [found["categories"][place] for place in kept]
    return Confusion(material.runs[number].name, names, shares, len(totals) - len(kept))


def most_frequent(found: dict[str, Any], most: int) -> list[tuple[str, str, int, int]]:
    """Return the most frequent confusions of a run.

    Args:
        found: ``confusion`` of an analysis.
        most: Their maximum number.

    Returns:
        ``(category of the sentence, category of the first image, sentences, all sentences of
        that category)``.
    """
    counts = np.array(found["counts"])
    off = counts.copy()
    np.fill_diagonal(off, 0)
    names = found["categories"]
    order = np.argsort(-off, axis=None, kind="stable")[:most]
    rows, columns = np.unravel_index(order, off.shape)
    return [
        (names[row], names[column], int(off[row, column]), int(counts[row].sum()))
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
        if off[row, column]
    ]


def draw(found: Confusion, style: Style) -> Any:
    """Draw the shares as a heat map."""
    from matplotlib.colors import PowerNorm

    count = len(found.categories)
    side = 2.6 + 0.19 * count
    figure = new_figure(side + 0.6, side)
    axes = plain_axes(figure.subplots(), style)
    axes.grid(visible=False)
    # The root makes rare confusions visible.
    drawn = axes.imshow(
        found.shares, cmap=HEAT, norm=PowerNorm(0.5, 0, 100), interpolation="nearest"
    )
    names = [shortened(name, LONGEST_NAME) for name in found.categories]
    axes.set_xticks(range(count), names, rotation=90, fontsize=8)
    axes.set_yticks(range(count), names, fontsize=8)
    axes.set_xlabel("category of the first image")
    axes.set_ylabel("category of the sentence")
    bar = figure.colorbar(drawn, ax=axes, shrink=0.7)
    bar.set_label("percent of the sentences", color=style.soft)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=style.soft, labelcolor=style.soft, length=0, labelsize=8)
    return figure


FIGURE = ResultFigure(
    "confusion", "Confusion between categories", "confusion between categories", compute, draw
)

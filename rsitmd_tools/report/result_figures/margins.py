"""Figure 11: the margin of each sentence against its similarity to the nearest wrong image.

The margin of a sentence is the score of its own image minus that of the best other image; below
zero the other one comes first. The line is the margin that the loss demands (equation 30).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rsitmd_tools.baselines.evaluation.examples import spread
from rsitmd_tools.report.result_figures.base import Material, Missing, ResultFigure
from rsitmd_tools.report.style import Style, new_figure, plain_axes, shortened

# Of a run; each point is an element of the page.
MOST_POINTS = 400
MOST_RUNS = 6
LINE_POINTS = 60
LINEAR_BELOW = 1e-6


@dataclass(frozen=True, slots=True)
class Margins:
    """The margins of a run.

    Attributes:
        number: Number of the run.
        name: Its name.
        texts: Number of sentences.
        points: ``(similarity, margin)``, thinned.
        wrong: Share of the sentences whose margin is below zero, in percent.
        short: Share whose margin is below what the loss demands, in percent; None if unknown.
        demanded: ``(similarity, margin)`` of the loss; empty if unknown.
    """

    number: int
    name: str
    texts: int
    points: Sequence[tuple[float, float]]
    wrong: float
    short: float | None
    demanded: Sequence[tuple[float, float]]


def compute(material: Material) -> list[Margins]:
    """Return the margins of the first runs.

    Raises:
        Missing: No run has margins.
    """
    found = []
    for number, analysis in material.analysed()[:MOST_RUNS]:
        points = np.array(analysis["margins"]["points"], float).reshape(-1, 2)
        if not len(points):
            continue
        settings = material.runs[number].result["settings"]
        wanted = demanded(settings, points[:, 0])
        line = np.linspace(0, 1, LINE_POINTS)
        on_line = demanded(settings, line)
        found.append(
            Margins(
                number,
                material.runs[number].name,
                analysis["margins"]["texts"],
                [(float(x), float(y)) for x, y in points[spread(len(points), MOST_POINTS)]],
                100 * float((points[:, 1] < 0).mean()),
                None if wanted is None else 100 * float((points[:, 1] < wanted).mean()),
                [] if on_line is None else list(zip(line.tolist(), on_line.tolist(), strict=True)),
            )
        )
    if not found:
        raise Missing("no run has finite scores")
    return found


def demanded(settings: Mapping[str, Any], similarity: Any) -> Any:
    """Return the margin that the loss of a run demands, an array; None if it is unknown.

    Args:
        settings: The configuration of the run.
        similarity: Prior similarities, an array.
    """
    margin = settings.get("margin")
    if not isinstance(margin, Mapping) or settings.get("loss", "triplet") != "triplet":
        return None
    if margin.get("kind") == "fixed" and "value" in margin:
        return np.full(len(similarity), float(margin["value"]))
    if margin.get("kind") != "dynamic" or not {"gamma", "beta"} <= margin.keys():
        return None
    gamma, beta = float(margin["gamma"]), float(margin["beta"])
    if abs(beta) < LINEAR_BELOW:
        return gamma * (1 - similarity)
    if beta > 0:
        return gamma * np.expm1(beta * (similarity - 1)) / math.expm1(-beta)
    return gamma * (math.expm1(beta) - np.expm1(beta * similarity)) / math.expm1(beta)


def draw(runs: Sequence[Margins], style: Style) -> Any:
    """Draw a panel for each run, all of one scale."""
    across = min(3, len(runs))
    down = -(-len(runs) // across)
    figure = new_figure(3.4 * across if across > 1 else 5.2, 3.1 * down)
    grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat[len(runs) :]:
        axes.set_visible(False)
    for axes in grid.flat[max(0, len(runs) - across) : len(runs)]:
        axes.tick_params(labelbottom=True)  # also above an empty place
    for axes, run in zip(grid.flat, runs, strict=False):
        plain_axes(axes, style, "both")
        axes.axhline(0, color=style.soft, linewidth=0.8)
        axes.plot(
            *zip(*run.points, strict=True), linestyle="", marker=style.marker(run.number),
            markersize=3, color=style.colour(run.number), alpha=0.5, markeredgewidth=0,
        )  # fmt: skip
        if run.demanded:
            axes.plot(*zip(*run.demanded, strict=True), color=style.ink, linewidth=1.4)
        axes.set_title(f"{shortened(run.name, 26)}: {run.wrong:.0f} % wrong", fontsize=10)
        axes.set_xlim(-0.03, 1.03)
    figure.supxlabel(
        "prior similarity of the sentence and the nearest wrong image",
        color=style.soft, fontsize=10,
    )  # fmt: skip
    figure.supylabel("margin", color=style.soft, fontsize=10)
    return figure


FIGURE = ResultFigure(
    "margins", "Margin against similarity (figure 11)", "margins (figure 11)", compute, draw
)

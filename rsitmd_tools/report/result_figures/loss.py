"""The loss by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.baselines.evaluated_runs import EvaluatedRun
from rsitmd_tools.report.figures import Curve, drawn_curves
from rsitmd_tools.report.result_figures.base import Material, Missing, ResultFigure
from rsitmd_tools.report.style import Style


@dataclass(frozen=True, slots=True)
class Losses:
    """The losses of the runs.

    Attributes:
        curves: A curve for each run with a history.
        relative: Whether they are shares of the loss of the first epoch, because their scales
            differ.
    """

    curves: Sequence[Curve]
    relative: bool


def compute(material: Material) -> Losses:
    """Return the losses; if their scales differ, as shares of the first epoch's loss.

    Raises:
        Missing: No run has a history.
    """
    shown = [(number, run) for number, run in enumerate(material.runs) if run.history]
    if not shown:
        raise Missing("no run has a metrics.csv with its epochs")
    relative = not _one_scale([run for _, run in shown])
    curves = []
    for number, run in shown:
        first = (run.history[0]["loss"] or 1.0) if relative else 1.0
        curves.append(Curve(epochs(run), [row["loss"] / first for row in run.history], number))
    return Losses(curves, relative)


def epochs(run: EvaluatedRun) -> list[float]:
    """Return the epochs of a run, from 1."""
    return [row["epoch"] + 1 for row in run.history]


def _one_scale(runs: Sequence[EvaluatedRun]) -> bool:
    """Return whether the losses have the same scale: a sum grows with the batch size."""
    scales = [
        [run.result["settings"].get(key) for key in ("negatives", "margin", "batch_size")]
        for run in runs
    ]
    return all(scale == scales[0] for scale in scales)


def draw(losses: Losses, style: Style) -> Any:
    """Draw the losses."""
    return drawn_curves(losses.curves, style)


FIGURE = ResultFigure("loss", "Training loss by epoch", "curve of the loss", compute, draw)

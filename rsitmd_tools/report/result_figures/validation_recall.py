"""The mean recall of the validation part by epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rsitmd_tools.report.figures import Curve, drawn_curves
from rsitmd_tools.report.result_figures.base import Material, Missing, ResultFigure
from rsitmd_tools.report.result_figures.loss import epochs
from rsitmd_tools.report.style import Style


def compute(material: Material) -> list[Curve]:
    """Return a curve for each run with a validation part, in percent.

    Raises:
        Missing: No run has one.
    """
    curves = [
        Curve(epochs(run), [row["val_mean_recall"] for row in run.history], number)
        for number, run in enumerate(material.runs)
        if run.history and all(math.isfinite(row["val_mean_recall"]) for row in run.history)
    ]
    if not curves:
        raise Missing("no run has a metrics.csv with a validation part")
    return curves


def draw(curves: Sequence[Curve], style: Style) -> Any:
    """Draw the curves, the best epoch of each marked."""
    return drawn_curves(curves, style, best=True)


FIGURE = ResultFigure(
    "validation-recall",
    "Validation mean recall by epoch",
    "curve of the validation recall",
    compute,
    draw,
)

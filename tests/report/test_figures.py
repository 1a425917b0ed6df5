"""Curves over epochs."""

from __future__ import annotations

import math

import pytest

from rsitmd_tools.report.figures import Curve, drawn_curves
from rsitmd_tools.report.style import PAGE


def test_marks_of_one_epoch_are_inside_and_the_axis_has_whole_numbers() -> None:
    curves = [Curve([1], [16.076], 0), Curve([1], [15.623], 1)]
    figure = drawn_curves(curves, PAGE, best=True)
    (axes,) = figure.axes
    bottom, top = axes.get_ylim()
    assert bottom == 0
    assert top == pytest.approx(1.1 * 16.076)
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]


@pytest.mark.parametrize("values", [[math.nan, math.nan], [0.0, 0.0], [math.inf, math.nan]])
def test_values_that_give_no_scale(values: list[float]) -> None:
    (axes,) = drawn_curves([Curve([1, 2], values, 0)], PAGE).axes
    bottom, top = axes.get_ylim()
    assert bottom == 0 and math.isfinite(top) and top > 0

"""Figures as inline SVG in the colours of the page, light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from rsitmd_tools.report.style import PAGE, Style, inline_svg, new_figure, plain_axes

_MARKED_UP_TO = 40


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve over the epochs: ``values[i]`` belongs to ``epochs[i]``."""

    epochs: Sequence[float]
    values: Sequence[float]
    colour: int


def drawn_curves(all_curves: Sequence[Curve], style: Style, *, best: bool = False) -> Any:
    """Draw curves over epochs.

    Args:
        all_curves: The curves.
        style: The colours.
        best: Mark the highest point of each curve.
    """
    figure = new_figure(5.2, 3.1)
    axes = plain_axes(figure.subplots(), style)
    for curve in all_curves:
        look = {"color": style.colour(curve.colour), "linestyle": style.dashes(curve.colour)}
        few = len(curve.epochs) <= _MARKED_UP_TO
        axes.plot(curve.epochs, curve.values, **look, marker="." if few else "")
        if best:
            top = max(range(len(curve.values)), key=curve.values.__getitem__)
            axes.plot(curve.epochs[top], curve.values[top], **style.run(curve.colour), markersize=7)
    axes.set_xlabel("epoch")
    axes.xaxis.get_major_locator().set_params(integer=True)
    shown = [each for curve in all_curves for each in curve.values if math.isfinite(each)]
    # A share of the range of values would cut marks of values that are nearly equal.
    highest = max(shown, default=0.0)
    axes.set_ylim(0, 1.1 * highest if highest > 0 else None)
    passed = {epoch for curve in all_curves for epoch in curve.epochs}
    if len(passed) == 1:
        axes.set_xticks([*passed])  # else with fractions of an epoch
    return figure


def drawn_histogram(counts: Sequence[tuple[int, int]], label: str, style: Style) -> Any:
    """Draw a histogram of integers.

    Args:
        counts: ``(value, count)``.
        label: Label of the axis.
        style: The colours.
    """
    figure = new_figure(5.2, 3.1)
    axes = plain_axes(figure.subplots(), style)
    axes.bar(*zip(*counts, strict=True), width=0.86, color=style.colour(0))
    axes.set_xlabel(label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    return figure


def histogram(name: str, counts: Sequence[tuple[int, int]], label: str) -> Markup:
    """Draw a histogram of integers for a page.

    Args:
        name: Title, for screen readers.
        counts: ``(value, count)``.
        label: Label of the axis.
    """
    return inline_svg(drawn_histogram(counts, label, PAGE), name)

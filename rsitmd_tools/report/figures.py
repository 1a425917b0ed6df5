"""Figures as inline SVG in the colours of the page, light and dark."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

# Number of colours of the page; the ninth run uses the first one again.
COLOURS = 8

# Placeholder colours, which are replaced by variables of the page.
_INK, _SOFT, _LINE, _SERIES = "#010203", "#010204", "#010205", "#01030{}"
_VARIABLES = {
    _INK: "var(--ink)",
    _SOFT: "var(--soft)",
    _LINE: "var(--line)",
    **{_SERIES.format(n): f"var(--series-{n})" for n in range(COLOURS)},
}
_MARKED_UP_TO = 40
# Parts of an SVG file that an inline element does not need; its style would apply to the page.
_UNWANTED = [
    re.compile(pattern, re.DOTALL)
    for pattern in (
        "<metadata>.*?</metadata>",
        "<style.*?</style>",
        'font-family: [^;"]*; ',
        '(?<=<g) id="[^"]*"',
    )
]


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve over the epochs: ``values[i]`` belongs to ``epochs[i]``."""

    epochs: Sequence[float]
    values: Sequence[float]
    colour: int


def curves(name: str, all_curves: Sequence[Curve], *, best: bool = False) -> Markup:
    """Draw curves over epochs.

    Args:
        name: Title, for screen readers.
        all_curves: The curves.
        best: Mark the highest point of each curve.
    """
    figure, axes = _axes(5.2, 3.1)
    for curve in all_curves:
        colour = _SERIES.format(curve.colour % COLOURS)
        few = len(curve.epochs) <= _MARKED_UP_TO
        axes.plot(curve.epochs, curve.values, color=colour, marker="." if few else "")
        if best:
            top = max(range(len(curve.values)), key=curve.values.__getitem__)
            axes.plot(curve.epochs[top], curve.values[top], "o", color=colour, markersize=7)
    axes.set_xlabel("epoch")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.margins(y=0.1)
    axes.set_ylim(bottom=0)
    return _svg(figure, name)


def histogram(name: str, counts: Sequence[tuple[int, int]], label: str) -> Markup:
    """Draw a histogram of integers.

    Args:
        name: Title, for screen readers.
        counts: ``(value, count)``.
        label: Label of the axis.
    """
    figure, axes = _axes(5.2, 3.1)
    axes.bar(*zip(*counts, strict=True), width=0.86, color=_SERIES.format(0))
    axes.set_xlabel(label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    return _svg(figure, name)


def _axes(width: float, height: float) -> tuple[Any, Any]:
    """Return a figure of this size in inches, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_visible(False)
    axes = figure.subplots()
    axes.patch.set_visible(False)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(_LINE)
    axes.grid(axis="y", color=_LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_SOFT, labelcolor=_SOFT, length=0, labelsize=10)
    axes.xaxis.label.set(color=_SOFT, size=10)
    return figure, axes


def _svg(figure: Any, name: str) -> Markup:
    """Return a figure as an ``<svg>`` element.

    The name salts its ids, because a page has several figures.
    """
    import matplotlib as mpl

    stream = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    for unwanted in _UNWANTED:
        text = unwanted.sub("", text)
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, variable)
    head, body = text[text.index("<svg") :].split(">", 1)
    view = re.search(r'viewBox="[0-9. ]+"', head)
    size = Markup(view[0] if view else "")  # noqa: S704 - digits only
    drawing = Markup(body)  # noqa: S704 - Matplotlib has escaped the texts in it
    return Markup('<svg role="img" aria-label="{}" {}>{}').format(name, size, drawing)

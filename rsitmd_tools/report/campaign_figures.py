"""Figures of a campaign, in the colours of the page."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import date

from markupsafe import Markup

from rsitmd_tools.report.style import PAGE, inline_svg, new_figure, plain, plain_axes

MOST_BARS = 40


def cumulated(name: str, days: Sequence[date], counts: Mapping[str, Sequence[int]]) -> Markup:
    """Draw the cumulative counts of several annotators by day.

    Args:
        name: Title, for screen readers.
        days: The days in order.
        counts: One count per day for each annotator.
    """
    from matplotlib.ticker import MaxNLocator

    figure = new_figure(10.4, 3.2)
    axes = plain_axes(figure.subplots(), PAGE)
    top = 1.05 * max([1, *(sum(values) for values in counts.values())])
    heights = spread([sum(values) / top for values in counts.values()])
    for number, (person, values) in enumerate(counts.items()):
        colour = PAGE.colour(number)
        summed = list(itertools.accumulate(values))
        axes.plot(range(len(days)), summed, color=colour, marker="." if len(days) <= 40 else "")
        place = (len(days) - 1, top * heights[number])
        axes.annotate(
            plain(person), place, (8, 0), textcoords="offset points", color=PAGE.soft, fontsize=9,
            va="center",
        )  # fmt: skip
    step = max(1, len(days) // 8)
    axes.set_xticks(range(0, len(days), step), [day.isoformat()[5:] for day in days[::step]])
    axes.set_ylim(0, top)
    axes.set_xlim(-0.5, len(days) - 0.5 + 0.14 * len(days))  # room for the names
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    return inline_svg(figure, name)


def spread(heights: Sequence[float], gap: float = 0.07) -> list[float]:
    """Return heights at which labels do not overlap, close to the given ones.

    Args:
        heights: Heights of the labelled values, 0 to 1.
        gap: The height of a label; reduced if the labels do not fit.
    """
    gap = min(gap, 1 / max(1, len(heights)))
    order = sorted(range(len(heights)), key=lambda place: heights[place])
    found = list(heights)
    lowest = 0.0
    for place in order:
        found[place] = lowest = max(found[place], lowest)
        lowest += gap
    highest = 1.0
    for place in reversed(order):
        found[place] = highest = min(found[place], highest)
        highest -= gap
    return found


def shares(name: str, values: Mapping[str, float]) -> Markup:
    """Draw shares, 0 to 1, as bars; at most 40.

    Args:
        name: Title, for screen readers.
        values: Shares by label.
    """
    shown = dict(itertools.islice(values.items(), MOST_BARS))
    figure = new_figure(10.4, 0.8 + 0.24 * len(shown))
    axes = plain_axes(figure.subplots(), PAGE)
    axes.barh(range(len(shown)), list(shown.values()), color=PAGE.colour(0), height=0.7)
    axes.set_yticks(range(len(shown)), [plain(label) for label in shown], color=PAGE.ink)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.grid(visible=False)
    return inline_svg(figure, name)

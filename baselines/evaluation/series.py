"""Series of runs: which single runs of equal settings are repetitions of each other."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import zip_longest


def divide_series(names: Sequence[str], draws: Sequence[Hashable]) -> list[int]:
    """Divide runs of equal settings into series over seeds and folds.

    Runs of different draws are one series. If a draw occurs several times, there are as many
    series, and each other run belongs to the one whose name is nearest: ``a-1`` to ``a-0``, not
    to ``b-0``. A run whose name is as near to two of them is a series of its own. The order of
    the runs has no effect.

    Args:
        names: The name of each run.
        draws: The seed and fold of each run.

    Returns:
        The number of the series of each run.
    """
    counts = Counter(draws)
    if not counts:
        return []
    repeated, most = counts.most_common(1)[0]
    if most == 1:
        return [0] * len(names)
    first = [place for place, draw in enumerate(draws) if draw == repeated]
    series = list(range(len(names)))
    for draw in counts:
        if draw == repeated:
            continue
        nearest = {
            place: _nearest(names[place], names, first)
            for place, other in enumerate(draws)
            if other == draw
        }
        wanted = Counter(nearest.values())
        for place, found in nearest.items():
            if found is not None and wanted[found] == 1:
                series[place] = found
    return series


def tokens(name: str) -> list[str]:
    """Return the numbers and the other characters of a name; a number is never divided."""
    return re.findall("[0-9]+|[^0-9]", name)


def _nearest(name: str, names: Sequence[str], places: Sequence[int]) -> int | None:
    """Return the place whose name differs least; None if several do."""
    distances = sorted((_distance(name, names[place]), place) for place in places)
    (least, found), (second, _) = distances[:2]
    return None if least == second else found


def _distance(one: str, other: str) -> tuple[bool, int]:
    """Return whether two names differ in more than their numbers, and in how many tokens."""
    pairs = [pair for pair in zip_longest(tokens(one), tokens(other)) if pair[0] != pair[1]]
    return not all(a and b and a.isdigit() and b.isdigit() for a, b in pairs), len(pairs)

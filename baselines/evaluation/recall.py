"""R@K, the rank of the first relevant item, and the chance level.

R@K here is a *hit rate*: the share of queries with at least one relevant item among the
first K. Items are matched by ids. Items of equal score stand in random order, and a query
counts by the probability of a hit: a model that scores everything alike gets chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

KS = (1, 5, 10)
NAMES = ("r1", "r5", "r10")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hits:
    """What became of every query: probability of a hit at each K, ``(Q, 3)``, and ranks.

    Attributes:
        expected: Over the random order of ties.
        pessimistic: Relevant items last among equals.
        optimistic: Relevant items first among equals.
        ranks: ``(Q, 3)``: rank of the first relevant item, from 1 on, expected,
            pessimistic and optimistic; the size of the gallery plus 1 where none is relevant.
    """

    expected: Floats
    pessimistic: Floats
    optimistic: Floats
    ranks: Floats

    def of(self, rule: str) -> Floats:
        """Return the hits under a rule of ties: expected, pessimistic or optimistic."""
        values: Floats = getattr(self, rule)
        return values

    def median_rank(self, rule: str = "expected") -> float:
        """Return the median rank of the first relevant item under a rule of ties."""
        column = ("expected", "pessimistic", "optimistic").index(rule)
        return float(np.median(self.ranks[:, column]))


def hits(
    scores: npt.NDArray[np.floating[Any]],
    query_ids: npt.NDArray[np.integer[Any]],
    item_ids: npt.NDArray[np.integer[Any]],
) -> Hits:
    """Compute the hits of every query.

    Args:
        scores: ``(Q, G)``, higher is nearer.
        query_ids: ``(Q,)``.
        item_ids: ``(G,)``; an item is relevant to the queries of its id.
    """
    order = np.argsort(item_ids, kind="stable")
    ordered = item_ids[order]
    first = np.searchsorted(ordered, query_ids, "left")
    last = np.searchsorted(ordered, query_ids, "right")
    rows = [
        _of_query(row, order[start:end])
        for row, start, end in zip(scores, first, last, strict=True)
    ]
    values = np.array(rows).reshape(len(rows), 4, 3)
    return Hits(*(values[:, part] for part in range(4)))


def _of_query(
    row: npt.NDArray[np.floating[Any]], relevant: npt.NDArray[np.integer[Any]]
) -> tuple[list[float], list[float], list[float], list[float]]:
    if not len(relevant):
        nowhere = float(len(row) + 1)
        return [0.0] * 3, [0.0] * 3, [0.0] * 3, [nowhere] * 3
    own = row[relevant]
    best = own.max()
    above = int(np.count_nonzero(row > best))
    equal = int(np.count_nonzero(row == best))
    good = int(np.count_nonzero(own == best))
    # Among equals in random order, (equal - good) / (good + 1) others come before the first
    # relevant one on average.
    return (
        [hit_probability(k - above, equal, good) for k in KS],
        [float(above + equal - good < k) for k in KS],
        [float(above < k) for k in KS],
        [above + 1 + (equal - good) / (good + 1), above + 1 + equal - good, above + 1],
    )


def hit_probability(places: int, equal: int, good: int) -> float:
    """Chance that one of ``good`` among ``equal`` items in random order takes a place."""
    if places <= 0:
        return 0.0
    if places >= equal:
        return float(good > 0)
    return 1 - comb(equal - good, places) / comb(equal, places)


def chance(query_items: npt.NDArray[np.integer[Any]], gallery: int) -> Floats:
    """Expected R@K, in percent, of a random order.

    Args:
        query_items: How many items are relevant to each query.
        gallery: How many items there are.
    """
    counts, queries = np.unique(query_items, return_counts=True)
    of_count = [[hit_probability(k, gallery, int(good)) for k in KS] for good in counts]
    mean: Floats = 100 * np.average(np.array(of_count), axis=0, weights=queries)
    return mean

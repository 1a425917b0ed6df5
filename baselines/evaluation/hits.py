"""Hits among the first K, the rank of the first relevant item, and the chance level.

R@K here is a *hit rate*: the share of queries with at least one relevant item among the
first K. Items are matched by ids. Items of equal score are in random order, and a query
counts by the probability of a hit: a model that gives all pairs one score gets chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

KS = (1, 5, 10)
NAMES = ("r1", "r5", "r10")
WAYS = ("image_to_text", "text_to_image")
# Rules of ties that results report beside the expectation.
OTHER_RULES = ("pessimistic", "optimistic")
DIGITS = 4
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hits:
    """The probability of a hit at each K, ``(Q, 3)``, and the rank of every query.

    Attributes:
        expected: The expectation over the random order of ties.
        pessimistic: Relevant items last among equals.
        optimistic: Relevant items first among equals.
        ranks: ``(Q, 3)``: rank of the first relevant item, from 1, expected, pessimistic and
            optimistic; the size of the gallery plus 1 if no item is relevant.
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
        scores: ``(Q, G)``, higher is more similar.
        query_ids: ``(Q,)``.
        item_ids: ``(G,)``; an item is relevant to the queries with its id.
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
    """Return the probability that one of ``good`` items is among the first ``places``.

    Args:
        places: Number of places.
        equal: Number of items, in random order.
        good: Number of relevant items among them.
    """
    if places <= 0:
        return 0.0
    if places >= equal:
        return float(good > 0)
    return 1 - comb(equal - good, places) / comb(equal, places)


def chance(query_items: npt.NDArray[np.integer[Any]], gallery: int) -> Floats:
    """Return the expected R@K, in percent, of a random order.

    Args:
        query_items: Number of relevant items of each query.
        gallery: Number of items.
    """
    counts, queries = np.unique(query_items, return_counts=True)
    of_count = [[hit_probability(k, gallery, int(good)) for k in KS] for good in counts]
    mean: Floats = 100 * np.average(np.array(of_count), axis=0, weights=queries)
    return mean


@dataclass(frozen=True, slots=True)
class BidirectionalHits:
    """Hits of both directions.

    Attributes:
        to_text: Of images as queries.
        to_image: Of texts as queries.
    """

    to_text: Hits
    to_image: Hits

    @classmethod
    def of(
        cls, scores: npt.NDArray[np.floating[Any]], owners: npt.NDArray[np.integer[Any]]
    ) -> BidirectionalHits:
        """Compute the hits of a score matrix.

        Args:
            scores: ``(N, M)``, images by texts.
            owners: ``(M,)``, index of each text's image.
        """
        images = np.arange(len(scores))
        return cls(hits(scores, images, owners), hits(scores.T, owners, images))

    def recalls(self, rule: str = "expected") -> Floats:
        """Return R@1, 5, 10 image to text, then text to image, ``(6,)`` in percent."""
        directions = (self.to_text, self.to_image)
        shares: Floats = np.concatenate([each.of(rule).mean(0) for each in directions])
        return 100 * shares


def by_name(recalls: Floats) -> dict[str, Any]:
    """Return six recalls as a result holds them, rounded, with their mean.

    Args:
        recalls: ``(6,)``, as of :meth:`BidirectionalHits.recalls`.
    """
    return {
        **{
            way: {name: rounded(value) for name, value in zip(NAMES, values, strict=True)}
            for way, values in zip(WAYS, (recalls[:3], recalls[3:]), strict=True)
        },
        "mean_recall": rounded(recalls.mean()),
    }


def rounded(value: float) -> float:
    """Return a value as a result holds it."""
    return round(float(value), DIGITS)

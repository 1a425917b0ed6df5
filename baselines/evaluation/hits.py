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

from rsitmd_tools.baselines.evaluation.blocks import Scores, map_queries
from rsitmd_tools.baselines.evaluation.gallery import Indices

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
    values = np.empty((len(scores), 4, 3))

    def of_block(queries: Indices, block: Scores) -> None:
        counts = last[queries] - first[queries]
        query = np.repeat(np.arange(len(queries)), counts)
        offset = first[queries] - (np.cumsum(counts) - counts)
        relevant = order[np.arange(len(query)) + offset[query]]
        values[queries] = _of_block(block, counts, query, relevant)

    for _ in map_queries(scores, of_block):
        pass
    return Hits(*(values[:, part] for part in range(4)))


def _of_block(block: Scores, counts: Indices, query: Indices, relevant: Indices) -> Floats:
    """Return hits and ranks of the queries of a block, ``(n, 4, 3)``.

    Args:
        block: ``(n, G)``.
        counts: ``(n,)``, number of relevant items of each query.
        query: The query of each relevant item, in ascending order.
        relevant: The relevant items.
    """
    own, having = block[query, relevant], counts > 0
    best = np.zeros(len(block), block.dtype)
    if len(own):
        best[having] = np.maximum.reduceat(own, (np.cumsum(counts) - counts)[having])
    above = np.count_nonzero(block > best[:, None], axis=1)
    equal = np.count_nonzero(block == best[:, None], axis=1)
    good = np.bincount(query[own == best[query]], minlength=len(block))
    others = equal - good
    # Among equals in random order, others / (good + 1) come before the first relevant one on
    # average.
    ranks = above[:, None] + 1 + np.stack([others / (good + 1), others, 0 * others], axis=1)
    first = np.array(KS) - above[:, None]
    values = np.stack(
        [
            _hit_probabilities(first, equal[:, None], good[:, None]),
            first > others[:, None],
            first > 0,
            ranks,
        ],
        axis=1,
    )
    values[~having, :3] = 0
    values[~having, 3] = block.shape[1] + 1
    return values


def _hit_probabilities(places: Indices, equal: Indices, good: Indices) -> Floats:
    """Return :func:`hit_probability` of arrays."""
    places, equal, good = np.broadcast_arrays(places, equal, good)
    values = ((places > 0) & (good > 0)).astype(float)
    open_ended = (places > 0) & (places < equal)
    if open_ended.any():
        cases = np.stack([each[open_ended] for each in (places, equal, good)])
        kinds, kind = np.unique(cases, axis=1, return_inverse=True)
        of_kind = [hit_probability(*case) for case in kinds.T.tolist()]
        values[open_ended] = np.array(of_kind)[kind.reshape(-1)]
    return values


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

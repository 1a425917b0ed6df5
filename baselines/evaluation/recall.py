"""R@K, its chance level and its interval.

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
RESAMPLES = 1000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Hits:
    """Probability of a hit of each query at each K, ``(Q, 3)`` each.

    Attributes:
        expected: Over the random order of ties.
        pessimistic: Relevant items last among equals.
        optimistic: Relevant items first among equals.
    """

    expected: npt.NDArray[np.float64]
    pessimistic: npt.NDArray[np.float64]
    optimistic: npt.NDArray[np.float64]


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
    rows = [
        _query_hits(row, item_ids == query) for row, query in zip(scores, query_ids, strict=True)
    ]
    expected, pessimistic, optimistic = np.array(rows).transpose(1, 0, 2)
    return Hits(expected, pessimistic, optimistic)


def _query_hits(
    row: npt.NDArray[np.floating[Any]], relevant: npt.NDArray[np.bool_]
) -> tuple[list[float], list[float], list[float]]:
    if not relevant.any():
        return [0.0] * 3, [0.0] * 3, [0.0] * 3
    best = row[relevant].max()
    above = int((row > best).sum())
    equal = int((row == best).sum())
    good = int((row[relevant] == best).sum())
    return (
        [_hit_probability(k - above, equal, good) for k in KS],
        [float(above + equal - good < k) for k in KS],
        [float(above < k) for k in KS],
    )


def _hit_probability(places: int, equal: int, good: int) -> float:
    """Chance that one of ``good`` among ``equal`` items in random order takes a place."""
    if places <= 0:
        return 0.0
    if places >= equal:
        return 1.0
    return 1 - comb(equal - good, places) / comb(equal, places)


def chance(query_items: npt.NDArray[np.integer[Any]], gallery: int) -> npt.NDArray[np.float64]:
    """Expected R@K, in percent, of a random order.

    Args:
        query_items: How many items are relevant to each query.
        gallery: How many items there are.
    """
    return np.array(
        [
            100 * np.mean([_hit_probability(k, gallery, int(good)) for good in query_items])
            for k in KS
        ]
    )


def bootstrap(
    image_hits: npt.NDArray[np.float64],
    text_hits: npt.NDArray[np.float64],
    text_owner: npt.NDArray[np.integer[Any]],
    seed: int,
) -> npt.NDArray[np.float64]:
    """Percentile intervals of the six R@K and their mean, images drawn with replacement.

    An image is drawn with all its texts: texts of one image are not independent.

    Args:
        image_hits: ``(N, 3)``, image to text.
        text_hits: ``(M, 3)``, text to image.
        text_owner: ``(M,)``, index of each text's image.
        seed: Seed of the draws.

    Returns:
        ``(7, 2)`` in percent: R@1, 5, 10 image to text; text to image; mean recall.
    """
    images = len(image_hits)
    texts_of = np.bincount(text_owner, minlength=images)
    sums = np.stack([np.bincount(text_owner, h, images) for h in text_hits.T], 1)
    draws = np.random.default_rng(seed).multinomial(images, np.full(images, 1 / images), RESAMPLES)
    of_images = draws @ image_hits / images
    of_texts = draws @ sums / (draws @ texts_of)[:, None]
    six = 100 * np.concatenate([of_images, of_texts], 1)
    seven = np.concatenate([six, six.mean(1, keepdims=True)], 1)
    tail = 50 * (1 - LEVEL)
    return np.percentile(seven, [tail, 100 - tail], axis=0).T

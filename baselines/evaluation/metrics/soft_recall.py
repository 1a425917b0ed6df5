"""Soft-positive recall: an item counts by its prior similarity with the query.

Strict recall treats every image but one as wrong, though another one may fit the sentence as
well. Here the gain of an item is 1 if it belongs to the query, else the prior similarity S
of the pair (equation 30's S; NaN counts as 0), and a query counts by the largest gain among
the first K. The strict hit rate is the case S = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.blocks import map_queries
from rsitmd_tools.baselines.evaluation.gallery import Indices
from rsitmd_tools.baselines.evaluation.hits import KS, Floats, by_name
from rsitmd_tools.baselines.evaluation.intervals import bootstrap, interval_by_name
from rsitmd_tools.baselines.evaluation.metric import (
    Figure,
    Metric,
    RecallRows,
    Result,
    ScoredGallery,
    Scores,
)
from rsitmd_tools.similarity import Prior

Gains = npt.NDArray[np.floating[Any]]
DEFINITION = (
    "largest gain among the first K: 1 for a relevant item, else the prior similarity of the pair"
)


def soft_recalls(scored: ScoredGallery) -> dict[str, Any]:
    """Return soft-positive recalls with their interval and chance."""
    prior, owners = scored.prior, scored.gallery.owners
    of_images, of_texts = gains_from(prior.prior, prior.rows, prior.columns, owners)
    to_text, chance_to_text = soft_hits(scored.scores, of_images)
    to_image, chance_to_image = soft_hits(scored.scores.T, of_texts)
    recalls = 100 * np.concatenate([to_text.mean(0), to_image.mean(0)])
    chance = 100 * np.concatenate([chance_to_text, chance_to_image])
    ranges = bootstrap(to_text, to_image, owners, scored.seed)
    return {
        "metric": DEFINITION,
        "prior": dict(prior.metadata),
        **by_name(recalls),
        "interval": interval_by_name(ranges, scored.seed),
        "chance": by_name(chance),
    }


def summary(result: Result) -> str:
    """Return the mean of the soft recalls, and that of chance."""
    soft = result["soft_positive"]
    return f"{soft['mean_recall']:.2f} (chance {soft['chance']['mean_recall']:.2f})"


def soft_hits(scores: Scores, gains: Callable[[Indices], Gains]) -> tuple[Floats, Floats]:
    """Return the expected largest gain among the first K of every query, and that of chance.

    Args:
        scores: ``(Q, G)``, higher is more similar; equal scores are in random order.
        gains: Maps ``n`` queries to a new array, the ``(n, G)`` gains of the items in [0, 1].
            Several threads call it.

    Returns:
        ``(Q, 3)`` of these scores, and the ``(3,)`` means over the queries of a random order.
    """

    def of_block(queries: Indices, block: Scores) -> tuple[Floats, Floats]:
        of_items = gains(queries)
        found = _of_block(block, of_items)
        of_items.sort(axis=1)
        return found, of_items.sum(axis=0, dtype=np.float64)

    parts = list(map_queries(scores, of_block))
    items = scores.shape[1]
    # The expectation is linear in the sorted gains, so their means over the queries suffice.
    descending = np.sum([total for _, total in parts], axis=0)[::-1] / len(scores)
    chance = [_largest_of(descending[None], min(k, items), 0.0)[0] for k in KS]
    return np.concatenate([found for found, _ in parts]), np.array(chance)


def gains_from(
    prior: Prior, rows: Indices, columns: Indices, owners: Indices
) -> tuple[Callable[[Indices], Gains], Callable[[Indices], Gains]]:
    """Return the gains of texts for images, and of images for texts.

    Args:
        prior: A prior whose images and captions include those of the gallery.
        rows: The row in the prior of each image of the gallery.
        columns: The column in the prior of each text of the gallery.
        owners: The image of each text of the gallery.
    """

    def of_images(images: Indices) -> Gains:
        gains = _finite(prior.at(rows[images], columns))
        place = np.full(len(rows), -1)
        place[images] = np.arange(len(images))
        texts = np.flatnonzero(place[owners] >= 0)
        gains[place[owners[texts]], texts] = 1.0
        return gains

    def of_texts(texts: Indices) -> Gains:
        gains = _finite(np.ascontiguousarray(prior.at(rows, columns[texts]).T))
        gains[np.arange(len(texts)), owners[texts]] = 1.0
        return gains

    return of_images, of_texts


def _finite(gains: Gains) -> Gains:
    np.copyto(gains, 0.0, where=np.isnan(gains))
    return gains


def _of_block(block: Scores, gains: Gains) -> Floats:
    """Return the expected largest gains among the first K, ``(n, 3)``."""
    items = block.shape[1]
    kept = min(max(KS) + 1, items)
    nearest = np.argpartition(block, items - kept, axis=1)[:, items - kept :]
    top = np.take_along_axis(block, nearest, axis=1)
    order = np.argsort(-top, axis=1)
    top = np.take_along_axis(top, order, axis=1)
    largest = np.maximum.accumulate(
        np.take_along_axis(gains, np.take_along_axis(nearest, order, axis=1), axis=1), axis=1
    )
    values = np.empty((len(block), len(KS)))
    for column, k in enumerate(min(k, items) for k in KS):
        values[:, column] = largest[:, k - 1]
        if k == items:
            continue
        # Only where equal scores are on both sides of the K-th place does their order matter.
        tied = np.flatnonzero(top[:, k - 1] == top[:, k])
        if len(tied):
            last = top[tied, k - 1]
            above = np.count_nonzero(top[tied] > last[:, None], axis=1)
            surely = np.where(above > 0, largest[tied, above - 1], 0.0)
            equal = block[tied] == last[:, None]
            values[tied, column] = _of_ties(equal, gains[tied], k - above, surely)
    return values


def _of_ties(equal: npt.NDArray[np.bool_], gains: Gains, places: Indices, surely: Floats) -> Floats:
    """Return the expected largest gains of queries whose last places are drawn among equals.

    Args:
        equal: ``(n, G)``, whether an item is one of the equals.
        gains: ``(n, G)``.
        places: ``(n,)``, the number of places that the equals share.
        surely: ``(n,)``, the largest gain of the items above.
    """
    values = np.empty(len(equal))
    sizes = np.count_nonzero(equal, axis=1)
    kinds, kind = np.unique(np.stack([sizes, places]), axis=1, return_inverse=True)
    kind = kind.reshape(-1)  # numpy 2.0 alone returns another shape
    for number, (size, count) in enumerate(kinds.T.tolist()):
        these = np.flatnonzero(kind == number)
        drawn = np.sort(gains[these][equal[these]].reshape(-1, size), axis=1)[:, ::-1]
        values[these] = _largest_of(drawn, count, surely[these, None])
    return values


def _largest_of(descending: Gains, places: int, surely: Floats | float) -> Floats:
    """Return the expected largest of ``surely`` and ``places`` gains drawn without replacement.

    The i-th largest of e gains (from 0) is the largest drawn with probability
    C(e - 1 - i, places - 1) / C(e, places); each is the one before times
    (e - i - places + 1) / (e - i).

    Args:
        descending: ``(n, e)``, sorted.
        places: Number of gains that are drawn.
        surely: ``(n, 1)``, or one number.

    Returns:
        ``(n,)``.
    """
    equal = descending.shape[1]
    steps = np.arange(1, equal - places + 1)
    ratios = (equal - steps - places + 1) / (equal - steps)
    weights = (places / equal) * np.concatenate([[1.0], np.cumprod(ratios)])
    expected: Floats = np.maximum(descending[:, : equal - places + 1], surely) @ weights
    return expected


METRIC = Metric(
    "soft-recall",
    "soft-positive mR",
    soft_recalls,
    key="soft_positive",
    figures=(Figure("soft mR", ("soft_positive", "mean_recall"), compared=False),),
    recall_rows=(
        RecallRows("soft", ("soft_positive",)),
        RecallRows("soft chance", ("soft_positive", "chance")),
    ),
    summary=summary,
    order=30,
)

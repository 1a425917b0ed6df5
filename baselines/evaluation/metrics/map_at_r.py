"""mAP@R: precision for queries with several relevant items.

Musgrave et al., "A Metric Learning Reality Check", ECCV 2020; for image-text retrieval
with extra positives: Chun et al., "ECCV Caption", ECCV 2022. For a query with R relevant
items, AP@R = 1/R sum over k = 1..R of P@k rel(k). Ties count by the expectation over their
random order (McSherry and Najork, ECIR 2008).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.hits import WAYS, rounded
from rsitmd_tools.baselines.evaluation.metric import (
    Metric,
    Result,
    ScoredGallery,
    Scores,
    both_directions,
)
from rsitmd_tools.baselines.evaluation.positives import Pair, counted_pairs, relevant_pairs

DEFINITION = "mean over the queries of 1/R sum over k to R of P@k rel(k)"


def compute(scored: ScoredGallery) -> dict[str, Any]:
    """Return mAP@R with the texts of each image alone, and with extra positives."""
    return precision(scored.scores, scored.gallery, *scored.extra_positives)


def precision(
    scores: Scores, gallery: Gallery, pairs: Sequence[Pair], rule: Mapping[str, Any]
) -> dict[str, Any]:
    """Return mAP@R with the texts of each image alone, and with extra positives.

    Args:
        scores: ``(N, M)``.
        gallery: Images and texts.
        pairs: Candidates for extra positives.
        rule: The rule that found them.
    """
    counted, verified = counted_pairs(pairs)
    return {
        "metric": DEFINITION,
        "own": _both(scores, gallery, ()),
        "with_extra_positives": _both(scores, gallery, counted),
        "extra_positives": {
            "verified": verified,
            "pairs": len(counted),
            "answered": sum(pair.verified is not None for pair in pairs),
            "rule": dict(rule),
        },
    }


def _both(scores: Scores, gallery: Gallery, extra: Sequence[Pair]) -> dict[str, float]:
    relevant = relevant_pairs(gallery, extra)
    values = (
        mean_average_precision(scores, relevant.to_images),
        mean_average_precision(scores.T, relevant.to_texts),
    )
    return dict(zip(WAYS, map(rounded, values), strict=True))


def summary(result: Result) -> str:
    """Return both directions, without and with extra positives."""
    values = result["map_at_r"]
    own, more, extra = (values[key] for key in ("own", "with_extra_positives", "extra_positives"))
    kind = "verified" if extra["verified"] else "unverified"
    noun = "positive" if extra["pairs"] == 1 else "positives"
    return (
        f"image->text {own['image_to_text']:.2f}, text->image {own['text_to_image']:.2f}; "
        f"with {extra['pairs']} {kind} extra {noun}: "
        f"image->text {more['image_to_text']:.2f}, text->image {more['text_to_image']:.2f}"
    )


def mean_average_precision(scores: Scores, relevant: Sequence[npt.ArrayLike]) -> float:
    """Return mAP@R in percent.

    Args:
        scores: ``(Q, G)``, higher is more similar.
        relevant: The indices of the relevant items of each query, at least one each.
    """
    values = [
        average_precision(row, np.asarray(items))
        for row, items in zip(scores, relevant, strict=True)
    ]
    return 100 * float(np.mean(values))


def average_precision(
    row: npt.NDArray[np.floating[Any]], relevant: npt.NDArray[np.integer[Any]]
) -> float:
    """Return AP@R of one query, in [0, 1]."""
    count = len(relevant)
    is_relevant = np.zeros(len(row), bool)
    is_relevant[relevant] = True
    last = np.partition(row, len(row) - count)[len(row) - count]
    near = row >= last
    # Blocks of equal score among the first R, the highest first.
    _, block, sizes = np.unique(-row[near], return_inverse=True, return_counts=True)
    good = np.bincount(block, is_relevant[near], len(sizes))
    total = before = found = 0.0
    for size, inside in zip(sizes, good, strict=True):
        places = np.arange(1, min(size, count - before) + 1)
        others = (places - 1) * (inside - 1) / max(size - 1, 1)
        total += float(((inside / size) * (found + 1 + others) / (before + places)).sum())
        before += size
        found += inside
    return total / count


METRIC = Metric(
    "map-at-r",
    "mAP@R",
    compute,
    key="map_at_r",
    figures=both_directions("mAP@R", "map_at_r.own", "percent", "higher"),
    summary=summary,
    in_report="record",
    order=40,
)

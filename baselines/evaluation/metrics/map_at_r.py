"""mAP@R: precision for queries with several relevant items.

Musgrave et al., "A Metric Learning Reality Check", ECCV 2020; for image-text retrieval
with extra positives: Chun et al., "ECCV Caption", ECCV 2022. For a query with R relevant
items, AP@R = 1/R sum over k = 1..R of P@k rel(k). Ties count by the expectation over their
random order (McSherry and Najork, ECIR 2008).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from rsitmd_tools.baselines.evaluation.blocks import map_queries
from rsitmd_tools.baselines.evaluation.gallery import Gallery, Indices
from rsitmd_tools.baselines.evaluation.hits import WAYS, Floats, rounded
from rsitmd_tools.baselines.evaluation.metric import (
    Metric,
    Result,
    ScoredGallery,
    Scores,
    both_directions,
)
from rsitmd_tools.baselines.evaluation.positives import Pair, counted_pairs, relevant_pairs
from rsitmd_tools.errors import count_of

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
    own, more = _own_and_with(scores, gallery, counted)
    return {
        "metric": DEFINITION,
        "own": own,
        "with_extra_positives": more,
        "extra_positives": {
            "verified": verified,
            "pairs": len(counted),
            "answered": sum(pair.verified is not None for pair in pairs),
            "rule": dict(rule),
        },
    }


def _own_and_with(
    scores: Scores, gallery: Gallery, extra: Sequence[Pair]
) -> tuple[dict[str, float], dict[str, float]]:
    """Return mAP@R of both directions, of the own texts and with extra positives."""
    own, more = relevant_pairs(gallery), relevant_pairs(gallery, extra)
    ways = (
        (scores, own.to_images, more.to_images, {pair.image for pair in extra}),
        (scores.T, own.to_texts, more.to_texts, {pair.text for pair in extra}),
    )
    found = []
    for matrix, without, with_extra, changed in ways:
        values = average_precisions(matrix, without)
        means = [values.mean()]
        if changed:
            queries = np.array(sorted(changed))
            values[queries] = average_precisions(matrix, with_extra, queries)
        found.append([100 * float(mean) for mean in (*means, values.mean())])
    one, other = (
        dict(zip(WAYS, map(rounded, values), strict=True)) for values in zip(*found, strict=True)
    )
    return one, other


def summary(result: Result) -> str:
    """Return both directions, without and with extra positives."""
    values = result["map_at_r"]
    own, more, extra = (values[key] for key in ("own", "with_extra_positives", "extra_positives"))
    kind = "verified" if extra["verified"] else "unverified"
    alone = f"image->text {own['image_to_text']:.2f}, text->image {own['text_to_image']:.2f}"
    if not extra["pairs"]:
        return alone
    return (
        f"{alone}; with {count_of(extra['pairs'], f'{kind} extra positive')}: "
        f"image->text {more['image_to_text']:.2f}, text->image {more['text_to_image']:.2f}"
    )


def average_precisions(
    scores: Scores, relevant: Sequence[Sequence[int]], queries: Indices | None = None
) -> Floats:
    """Return AP@R, in [0, 1].

    Args:
        scores: ``(Q, G)``, higher is more similar.
        relevant: The indices of the relevant items of each query, at least one each.
        queries: Indices of ``n`` queries; all by default.

    Returns:
        ``(n,)``.
    """
    counts = np.array([len(items) for items in relevant])
    chosen = np.arange(len(scores)) if queries is None else queries
    values = np.empty(len(scores))

    def of_block(block_queries: Indices, block: Scores) -> None:
        items = [relevant[query] for query in block_queries.tolist()]
        values[block_queries] = _of_block(block, counts[block_queries], items)

    # Queries with as many relevant items are in one block, because the largest R decides how
    # many items a block needs.
    ordered = chosen[np.argsort(counts[chosen], kind="stable")]
    for _ in map_queries(scores, of_block, ordered):
        pass
    return values[chosen]


def _of_block(block: Scores, counts: Indices, relevant: Sequence[Sequence[int]]) -> Floats:
    """Return AP@R of the queries of a block: the sum over all groups of equal score."""
    rows, items = np.arange(len(block)), block.shape[1]
    kept = min(int(counts.max()) + 1, items)
    top = np.sort(np.partition(block, items - kept, axis=1)[:, items - kept :], axis=1)[:, ::-1]
    last = top[rows, counts - 1]
    flat = np.repeat(rows, counts) * items + np.fromiter(chain.from_iterable(relevant), np.int64)
    query, item = np.divmod(np.unique(flat), items)
    scores = block[query, item]
    near = scores >= last[query]
    query, scores = query[near], scores[near]
    # A key is higher for a later query, and in a query for a lower score.
    levels, of_top = np.unique(top, return_inverse=True)
    keys = (rows[:, None] + 1) * len(levels) - 1 - of_top.reshape(top.shape)
    own = (query + 1) * len(levels) - 1 - np.searchsorted(levels, scores)
    groups, first, good = np.unique(own, return_index=True, return_counts=True)
    query, scores = query[first], scores[first]
    start = np.searchsorted(keys.ravel(), groups, "left")
    before = start - query * kept
    size = np.asarray(np.searchsorted(keys.ravel(), groups, "right") - start)
    if kept < items:
        # More items than the kept ones can have the score of the last place.
        open_ended = (scores == last[query]) & (scores == top[query, -1])
        if open_ended.any():
            these = query[open_ended]
            size[open_ended] = np.count_nonzero(block[these] == last[these, None], axis=1)
    found = np.asarray(np.cumsum(good) - good)
    found -= found[np.searchsorted(query, query, "left")]
    return _sum_of_groups(query, size, good, before, found, counts) / counts


def _sum_of_groups(
    query: Indices, size: Indices, good: Indices, before: Indices, found: Indices, counts: Indices
) -> Floats:
    """Return the expected sum of P@k rel(k) over k to R of each query, ``(n,)``.

    Args:
        query: ``(g,)``, the query of each group of items of equal score, in ascending order.
        size: Number of items of the group, which are in random order.
        good: Number of relevant items among them, at least one.
        before: Number of items before the group, less than R.
        found: Number of relevant items among these.
        counts: ``(n,)``, R of each query.
    """
    inside = np.minimum(size, counts[query] - before)
    ends = np.cumsum(inside)
    group = np.repeat(np.arange(len(query)), inside)
    place = np.arange(len(group)) - (ends - inside)[group]  # from 0
    others = place * ((good - 1) / np.maximum(size - 1, 1))[group]
    terms = (good / size)[group] * (found[group] + 1 + others) / (before[group] + place + 1)
    sums = np.add.reduceat(terms, ends - inside) if len(terms) else terms
    of_queries: Floats = np.bincount(query, sums, len(counts)).astype(np.float64)
    return of_queries


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

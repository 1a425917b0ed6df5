"""Everything that is measured on a score matrix, as it stands in RUN/result.json.

All shares are in percent. Ties count by the expectation over their random order; where
values by the other rules help, they stand beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.intervals import LEVEL, RESAMPLES, bootstrap
from rsitmd_tools.baselines.evaluation.positives import Pair, relevant_pairs, settled
from rsitmd_tools.baselines.evaluation.precision import mean_average_precision
from rsitmd_tools.baselines.evaluation.priors import GalleryPrior
from rsitmd_tools.baselines.evaluation.recall import (
    KS,
    NAMES,
    Floats,
    Hits,
    chance,
    hit_probability,
    hits,
)
from rsitmd_tools.baselines.evaluation.soft import gains_from, soft_hits
from rsitmd_tools.baselines.evaluation.trec import nearest

METRIC = "hit rate: a query counts when one relevant item is among the first K"
SOFT_METRIC = (
    "largest gain among the first K: 1 for a relevant item, else the prior similarity of the pair"
)
PRECISION_METRIC = "mean over the queries of 1/R sum over k to R of P@k rel(k)"
WAYS = ("image_to_text", "text_to_image")
HARDEST = 10

Scores = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class BidirectionalHits:
    """Hits of both directions."""

    to_text: Hits
    to_image: Hits

    @classmethod
    def of(cls, scores: Scores, owners: npt.NDArray[np.integer[Any]]) -> BidirectionalHits:
        """Compute them: ``(N, M)`` scores, ``(M,)`` index of each text's image."""
        images = np.arange(len(scores))
        return cls(hits(scores, images, owners), hits(scores.T, owners, images))

    def six(self, rule: str = "expected") -> Floats:
        """Return R@1, 5, 10 image to text, then text to image, in percent."""
        directions = (self.to_text, self.to_image)
        shares: Floats = np.concatenate([each.of(rule).mean(0) for each in directions])
        return 100 * shares


def recalls(
    both: BidirectionalHits, owners: npt.NDArray[np.integer[Any]], seed: int
) -> dict[str, Any]:
    """Return recalls and median ranks with intervals, the other rules of ties, and chance.

    Args:
        both: Hits of all queries.
        owners: ``(M,)``, the index of each text's image.
        seed: Seed of the bootstrap.
    """
    images = len(both.to_text.expected)
    texts_of = np.bincount(owners, minlength=images)
    by_chance = np.concatenate(
        [chance(texts_of, len(owners)), chance(np.ones(len(owners), int), images)]
    )
    ranges = bootstrap(both.to_text.expected, both.to_image.expected, owners, seed)
    return {
        **_named(both.six()),
        "median_rank": _medians(both, "expected"),
        "interval": interval(ranges, seed),
        "chance": _named(by_chance),
        "ties": {
            rule: {**_named(both.six(rule)), "median_rank": _medians(both, rule)}
            for rule in ("pessimistic", "optimistic")
        },
    }


def interval(ranges: Floats, seed: int) -> dict[str, Any]:
    """Return the ``(7, 2)`` of a bootstrap with this seed by name."""
    rounded = ranges.round(4).tolist()
    return {
        "level": LEVEL,
        "method": f"bootstrap over images, {RESAMPLES} resamples",
        "seed": seed,
        "image_to_text": dict(zip(NAMES, rounded[:3], strict=True)),
        "text_to_image": dict(zip(NAMES, rounded[3:6], strict=True)),
        "mean_recall": rounded[6],
    }


def soft_recalls(
    scores: Scores, gallery: Gallery, prior: GalleryPrior, seed: int
) -> dict[str, Any]:
    """Return soft-positive recalls with their interval and chance.

    Args:
        scores: ``(N, M)``.
        gallery: Images and texts.
        prior: Their prior.
        seed: Seed of the bootstrap.
    """
    of_image, of_text = gains_from(prior.prior, prior.rows, prior.columns, gallery.owners)
    to_text, blind_to_text = soft_hits(scores, of_image)
    to_image, blind_to_image = soft_hits(scores.T, of_text)
    six, blind = (
        100 * np.concatenate([one.mean(0), other.mean(0)])
        for one, other in ((to_text, to_image), (blind_to_text, blind_to_image))
    )
    ranges = bootstrap(to_text, to_image, gallery.owners, seed)
    return {
        "metric": SOFT_METRIC,
        "prior": dict(prior.about),
        **_named(six),
        "interval": interval(ranges, seed),
        "chance": _named(blind),
    }


def precision(
    scores: Scores, gallery: Gallery, pairs: Sequence[Pair], rule: dict[str, Any]
) -> dict[str, Any]:
    """Return mAP@R with each query's own items alone, and with extra positives.

    Args:
        scores: ``(N, M)``.
        gallery: Images and texts.
        pairs: Candidates for extra positives.
        rule: How they were found.
    """
    counting, verified = settled(pairs)

    def of(extra: Sequence[Pair]) -> dict[str, float]:
        relevant = relevant_pairs(gallery, extra)
        values = (
            mean_average_precision(scores, relevant.to_images),
            mean_average_precision(scores.T, relevant.to_texts),
        )
        return dict(zip(WAYS, map(_round, values), strict=True))

    return {
        "metric": PRECISION_METRIC,
        "own": of(()),
        "with_extra_positives": of(counting),
        "extra_positives": {
            "verified": verified,
            "pairs": len(counting),
            "answered": sum(pair.verified is not None for pair in pairs),
            "rule": rule,
        },
    }


def categories(both: BidirectionalHits, gallery: Gallery) -> dict[str, Any]:
    """Return the recalls of the queries of each category, searched in the whole gallery."""
    of_image = np.array([image.category or "" for image in gallery.part])
    of_text = of_image[gallery.owners]
    table = {}
    for name in sorted(set(of_image.tolist()) - {""}):
        own, texts = of_image == name, of_text == name
        six = 100 * np.concatenate(
            [both.to_text.expected[own].mean(0), both.to_image.expected[texts].mean(0)]
        )
        table[name] = {"images": int(own.sum()), "texts": int(texts.sum()), **_named(six)}
    return table


def category_chance(gallery: Gallery) -> dict[str, Any] | None:
    """Return what a model gets that knows the category of every item, and nothing else.

    Items of the query's category stand first, in random order. What lies above it was found by
    telling images of one category apart. None where an image has no category.
    """
    of_image = [image.category for image in gallery.part]
    if None in of_image:
        return None
    _, number = np.unique(np.array(of_image, str), return_inverse=True)
    texts = np.bincount(gallery.owners, minlength=len(of_image))
    images_of, texts_of = np.bincount(number)[number], np.bincount(number, texts)[number]
    to_text = [
        [hit_probability(k, int(pool), int(own)) for k in KS]
        for pool, own in zip(texts_of, texts, strict=True)
    ]
    to_image = [[hit_probability(k, int(pool), 1) for k in KS] for pool in images_of]
    ways = [np.mean(to_text, 0), np.average(to_image, axis=0, weights=texts)]
    return _named(100 * np.concatenate(ways))


def hardest(scores: Scores, gallery: Gallery, both: BidirectionalHits) -> dict[str, Any]:
    """Return the queries whose first relevant item stands last, with what stood first."""
    captions = gallery.part.captions()
    images, texts = (
        np.argsort(-each.ranks[:, 0], kind="stable")[:HARDEST]
        for each in (both.to_text, both.to_image)
    )
    return {
        "image_to_text": [
            {
                "image": gallery.name(image),
                "rank": round(float(both.to_text.ranks[image, 0]), 2),
                "first": captions[int(nearest(scores[image], 1)[0])],
            }
            for image in images.tolist()
        ],
        "text_to_image": [
            {
                "query": captions[text],
                "image": gallery.name(int(gallery.owners[text])),
                "rank": round(float(both.to_image.ranks[text, 0]), 2),
                "first": gallery.name(int(nearest(scores[:, text], 1)[0])),
            }
            for text in texts.tolist()
        ],
    }


def _medians(both: BidirectionalHits, rule: str) -> dict[str, float]:
    values = (both.to_text.median_rank(rule), both.to_image.median_rank(rule))
    return dict(zip(WAYS, map(_round, values), strict=True))


def _named(six: Floats) -> dict[str, Any]:
    return {
        **{
            way: {name: _round(value) for name, value in zip(NAMES, values, strict=True)}
            for way, values in zip(WAYS, (six[:3], six[3:]), strict=True)
        },
        "mean_recall": _round(six.mean()),
    }


def _round(value: float) -> float:
    return round(float(value), 4)

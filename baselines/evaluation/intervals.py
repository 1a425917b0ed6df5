"""Intervals by bootstrap over images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.hits import DIGITS, NAMES, WAYS

RESAMPLES = 1000
LEVEL = 0.95
# Resamples are drawn in blocks, so that their memory does not grow with the gallery.
DRAWN_AT_ONCE = 10_000_000

Floats = npt.NDArray[np.float64]


def bootstrap(
    image_values: Floats,
    text_values: Floats,
    text_owner: npt.NDArray[np.integer[Any]],
    seed: int,
    resamples: int = RESAMPLES,
) -> Floats:
    """Return percentile intervals of means over queries, images drawn with replacement.

    An image is drawn with all its texts: texts of one image are not independent.

    Args:
        image_values: ``(N, k)``, a row for each image as a query, such as its hits.
        text_values: ``(M, k)``, a row for each text as a query.
        text_owner: ``(M,)``, index of each text's image.
        seed: Seed of the draws.
        resamples: Number of galleries to draw.

    Returns:
        ``(2 k + 1, 2)`` in percent: of the k means over images, of the k means over texts,
        and of the mean of all 2 k.
    """
    images = len(image_values)
    texts_of = np.bincount(text_owner, minlength=images)
    sums = np.stack([np.bincount(text_owner, column, images) for column in text_values.T], 1)
    means = [
        np.concatenate(
            [draws @ image_values / images, draws @ sums / (draws @ texts_of)[:, None]], axis=1
        )
        for draws in _draws(images, resamples, seed)
    ]
    parts = 100 * np.concatenate(means)
    every = np.concatenate([parts, parts.mean(1, keepdims=True)], axis=1)
    tail = 50 * (1 - LEVEL)
    ranges: Floats = np.percentile(every, [tail, 100 - tail], axis=0).T
    return ranges


def _draws(images: int, resamples: int, seed: int) -> Iterator[npt.NDArray[np.integer[Any]]]:
    """Yield the number of times each image is drawn, ``(n, images)``, for blocks of n."""
    at_once = max(1, DRAWN_AT_ONCE // images)
    if resamples <= at_once:
        yield _all_draws(images, resamples, seed)
        return
    random = np.random.default_rng(seed)
    for first in range(0, resamples, at_once):
        yield _draw(random, images, min(at_once, resamples - first))


@lru_cache(maxsize=1)
def _all_draws(images: int, resamples: int, seed: int) -> npt.NDArray[np.integer[Any]]:
    # Kept, because all metrics of a gallery are resampled in the same way.
    drawn = _draw(np.random.default_rng(seed), images, resamples)
    return drawn.astype(np.min_scalar_type(images))


def _draw(random: np.random.Generator, images: int, count: int) -> npt.NDArray[np.int64]:
    return random.multinomial(images, np.full(images, 1 / images), count)


def interval_by_name(ranges: Floats, seed: int) -> dict[str, Any]:
    """Return the intervals of six recalls and their mean as a result holds them.

    Args:
        ranges: ``(7, 2)``, of :func:`bootstrap`.
        seed: The seed of that bootstrap.
    """
    ends = ranges.round(DIGITS).tolist()
    named = {
        way: dict(zip(NAMES, values, strict=True))
        for way, values in zip(WAYS, (ends[:3], ends[3:6]), strict=True)
    }
    return {
        "level": LEVEL,
        "method": f"bootstrap over images, {RESAMPLES} resamples",
        "seed": seed,
        **named,
        "mean_recall": ends[6],
    }

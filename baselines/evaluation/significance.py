"""Tests of the difference of two systems: Fisher randomisation, Holm's correction, intervals.

Fisher's randomisation test (for retrieval: Smucker, Allan and Carterette, CIKM 2007) counts
how often a difference at least as large occurs if the labels of both systems are exchanged
at random, query by query. The queries of one image (the image and its sentences) are
exchanged together, because they are not independent.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from rsitmd_tools.baselines.evaluation.queries import Queries

RANDOMISATIONS = 20_000
AT_ONCE = 2_000
LEVEL = 0.95
# Sums in another order differ in their last bits, but must count as equal.
ROUNDING = 1e-12

Floats = npt.NDArray[np.float64]


def contributions(queries: Queries, image_values: Floats, text_values: Floats) -> Floats:
    """Return the contribution of each image to the mean recall, ``(N,)``; their sum is the recall.

    Args:
        queries: The owners of the texts.
        image_values: ``(N, 3)`` of images as queries.
        text_values: ``(M, 3)`` of texts as queries.
    """
    images, texts = len(image_values), len(text_values)
    of_texts = np.bincount(queries.owners, text_values.mean(1), images)
    mean: Floats = (image_values.mean(1) / images + of_texts / texts) / 2
    return mean


def fisher(differences: Floats, seed: int, randomisations: int = RANDOMISATIONS) -> Floats:
    """Return the two-sided p value of each comparison by Fisher's randomisation.

    Args:
        differences: ``(N, C)``: the contribution of each image to the difference of C
            comparisons.
        seed: Seed of the exchanges, which all comparisons share.
        randomisations: Number of exchanges; p is at least 1 / (this + 1).

    Returns:
        ``(C,)``.
    """
    random = np.random.default_rng(seed)
    observed = np.abs(differences.sum(0)) - ROUNDING
    as_large = np.zeros(differences.shape[1])
    for first in range(0, randomisations, AT_ONCE):
        count = min(AT_ONCE, randomisations - first)
        signs = 2.0 * random.integers(0, 2, (count, len(differences))) - 1
        as_large += (np.abs(signs @ differences) >= observed).sum(0)
    return (as_large + 1) / (randomisations + 1)


def holm(p: Floats) -> Floats:
    """Return p values corrected for their number (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1)
    return corrected


def mean_interval(values: Floats) -> tuple[float, float] | None:
    """Return Student's interval of the mean over runs; None for one run."""
    if len(values) < 2:
        return None
    half = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean() - half), float(values.mean() + half)


def difference_interval(one: Floats, other: Floats) -> tuple[float, float] | None:
    """Return Welch's interval of the difference of two means over runs; None for single runs."""
    if len(one) < 2 or len(other) < 2:
        return None
    difference = float(one.mean() - other.mean())
    if one.std() == 0 and other.std() == 0:
        return difference, difference
    found = stats.ttest_ind(one, other, equal_var=False).confidence_interval(LEVEL)
    return float(found.low), float(found.high)

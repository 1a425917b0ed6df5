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
# p is at least 1 / (exchanges + 1), and Holm's correction multiplies it by the number of
# comparisons. With this many exchanges for each, the smallest corrected p is 0.01.
FOR_EACH = 100
AT_ONCE = 2_000
LEVEL = 0.95
# Sums in another order differ in their last bits, but must count as equal.
ROUNDING = 1e-12
# Recalls are percentages. Student's and Welch's intervals do not know that; see _within.
LARGEST = 100.0

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


def exchanges(comparisons: int) -> int:
    """Return the number of exchanges with which a number of comparisons can be decided."""
    return max(RANDOMISATIONS, FOR_EACH * comparisons)


def fisher(differences: Floats, seed: int, randomisations: int | None = None) -> Floats:
    """Return the two-sided p value of each comparison by Fisher's randomisation.

    Args:
        differences: ``(N, C)``: the contribution of each image to the difference of C
            comparisons.
        seed: Seed of the exchanges, which all comparisons share.
        randomisations: Number of exchanges; p is at least 1 / (this + 1). By default the result
            of :func:`exchanges`.

    Returns:
        ``(C,)``.
    """
    if randomisations is None:
        randomisations = exchanges(differences.shape[1])
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
    """Return Student's interval of the mean of percentages over runs; None for one run.

    It ends at 0 and 100. A mean of percentages is never outside, so the level stays the same.
    """
    if len(values) < 2:
        return None
    mean = float(values.mean())
    if _constant(values):
        return mean, mean
    half = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    return _within(mean - half, mean + half, 0.0)


def difference_interval(one: Floats, other: Floats) -> tuple[float, float] | None:
    """Return Welch's interval of the difference of two means over runs; None for single runs.

    It ends at -100 and 100, because the means are percentages.
    """
    if len(one) < 2 or len(other) < 2:
        return None
    difference = float(one.mean() - other.mean())
    if _constant(one) and _constant(other):
        return difference, difference
    # Computed here: scipy.stats.ttest_ind warns about precision if the runs of one are equal.
    of_one, of_other = (values.var(ddof=1) / len(values) for values in (one, other))
    both = of_one + of_other
    freedom = both**2 / (of_one**2 / (len(one) - 1) + of_other**2 / (len(other) - 1))
    half = stats.t.ppf((1 + LEVEL) / 2, freedom) * both**0.5
    return _within(difference - half, difference + half, -LARGEST)


def _constant(values: Floats) -> bool:
    """Return whether all runs are equal. Their computed deviation need not be exactly 0."""
    return bool(np.ptp(values) == 0)


def _within(low: float, high: float, least: float) -> tuple[float, float]:
    """Cut an interval to the values that its parameter can have: over two runs it is wide."""
    return max(float(low), least), min(float(high), LARGEST)

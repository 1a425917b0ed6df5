"""mAP@R: precision where a query may have many relevant items.

Musgrave et al., "A Metric Learning Reality Check", ECCV 2020; for image-text retrieval
with extra positives: Chun et al., "ECCV Caption", ECCV 2022. Of a query with R relevant
items, AP@R = 1/R sum over k = 1..R of P@k rel(k). Ties count by the expectation over their
random order (McSherry and Najork, ECIR 2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.floating[Any]]


def mean_average_precision(scores: Scores, relevant: Sequence[npt.ArrayLike]) -> float:
    """Return mAP@R in percent.

    Args:
        scores: ``(Q, G)``, higher is nearer.
        relevant: Of each query the indices of its relevant items, at least one.
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
    # The blocks of equal score among the first R, the highest first.
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

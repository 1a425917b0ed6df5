"""Queries in blocks: whole blocks in NumPy instead of query by query, on all cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.evaluation.gallery import Indices
from rsitmd_tools.similarity.rows import in_order

T = TypeVar("T")
Scores = npt.NDArray[np.floating[Any]]

# A block and its copies stay in the CPU cache.
BLOCK_BYTES = 2 << 20
# A block of columns reads whole cache lines.
LEAST_QUERIES = 16


def query_blocks(queries: Indices, items: int, itemsize: int) -> list[Indices]:
    """Divide queries into blocks of about :data:`BLOCK_BYTES` of scores.

    Args:
        queries: Indices of the queries.
        items: Number of items that each query is compared with.
        itemsize: Bytes of a score.
    """
    count = max(BLOCK_BYTES // max(items * itemsize, 1), LEAST_QUERIES)
    return [queries[first : first + count] for first in range(0, len(queries), count)]


def map_queries(
    scores: Scores, work: Callable[[Indices, Scores], T], queries: Indices | None = None
) -> Iterator[T]:
    """Yield the result of ``work`` for each block of queries, in order.

    Args:
        scores: ``(Q, G)``; the transpose of a matrix is copied block by block.
        work: Called as ``work(queries, block)`` by several threads, with the indices of ``n``
            queries and their scores, ``(n, G)``, which it does not change.
        queries: The queries, in the order of the blocks; all by default.
    """

    def of_block(chosen: Indices) -> T:
        first, end = int(chosen[0]), int(chosen[-1]) + 1
        # A slice is not copied.
        whole = np.array_equal(chosen, np.arange(first, end))
        return work(chosen, np.ascontiguousarray(scores[first:end] if whole else scores[chosen]))

    chosen = np.arange(len(scores)) if queries is None else queries
    yield from in_order(of_block, query_blocks(chosen, scores.shape[1], scores.itemsize))

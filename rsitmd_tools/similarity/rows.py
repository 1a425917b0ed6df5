"""Rows of the matrix, a block at a time, by several threads."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from rsitmd_tools.similarity.arrays import Floats

Fill: TypeAlias = Callable[[int, Floats], None]
T = TypeVar("T")

# A block stays in the cache between the kernel that fills it and what uses it.
BLOCK_BYTES = 1 << 20
MOST_ROWS = 64


class Similarity(Protocol):
    """A definition prepared for the captions of a dataset."""

    @property
    def shape(self) -> tuple[int, int]:
        """Images and captions."""

    @property
    def settings(self) -> dict[str, Any]:
        """What the metadata says of this definition."""

    def filler(self) -> Fill:
        """Return ``fill(first, out)``, which fills rows ``first``, ``first + 1``, ...

        Each thread takes its own, as it has buffers.
        """


def map_blocks(
    similarity: Similarity, use: Callable[[int, Floats], T], threads: int | None = None
) -> Iterator[T]:
    """Compute all rows and yield what ``use`` makes of each block, in order.

    A row is computed by one thread, in the same way whatever their number: the bits do
    not depend on it. At most two blocks a thread are under way.

    Args:
        similarity: What to compute.
        use: Called as ``use(first, block)`` in a worker thread; the block holds the rows
            from ``first`` on, float64, and is overwritten afterwards.
        threads: Threads; all cores by default.
    """
    images, captions = similarity.shape
    rows = min(max(BLOCK_BYTES // max(8 * captions, 1), 1), MOST_ROWS)
    local = threading.local()

    def work(first: int) -> T:
        if not hasattr(local, "fill"):
            local.fill = similarity.filler()
            local.block = np.empty((rows, captions))
        block = local.block[: images - first]
        local.fill(first, block)
        return use(first, block)

    yield from _in_order(work, range(0, images, rows), threads or available_threads())


def available_threads() -> int:
    """Return on how many cores this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_order(work: Callable[[int], T], items: range, threads: int) -> Iterator[T]:
    if threads == 1:
        yield from map(work, items)
        return
    executor = ThreadPoolExecutor(threads, "similarity")
    running: deque[Future[T]] = deque()
    try:
        for item in items:
            running.append(executor.submit(work, item))
            if len(running) > 2 * threads:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()
    finally:
        executor.shutdown(cancel_futures=True)

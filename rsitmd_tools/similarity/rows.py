"""Computation of the rows of the matrix, in blocks, by several threads."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from rsitmd_tools.similarity.arrays import Floats

Fill: TypeAlias = Callable[[int, Floats], None]
S = TypeVar("S")
T = TypeVar("T")

# Small enough to stay in the CPU cache from the kernel that fills it to its use.
BLOCK_BYTES = 1 << 20
MOST_ROWS = 64


class Similarity(Protocol):
    """A definition of similarity, prepared for the captions of a dataset."""

    @property
    def shape(self) -> tuple[int, int]:
        """Images and captions."""

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of this definition, for the metadata."""

    @property
    def most_threads(self) -> int | None:
        """The number of threads that are of use; None for one per core."""

    def filler(self) -> Fill:
        """Return ``fill(first, out)``, which fills rows ``first``, ``first + 1``, ...

        Each thread needs its own function, because the function has buffers.
        """


def map_blocks(
    similarity: Similarity,
    use: Callable[[int, Floats], T],
    threads: int | None = None,
    images: Sequence[int] | None = None,
) -> Iterator[T]:
    """Compute rows and yield the result of ``use`` for each block, in order.

    One thread computes a row, so the bits of the result do not depend on the number of
    threads. At most two blocks per thread are in progress.

    Args:
        similarity: The prepared definition.
        use: Called as ``use(first, block)`` in a worker thread; the block contains the
            rows from ``first``, float64, and is overwritten afterwards.
        threads: Number of threads; as many as are of use by default.
        images: The rows to compute, each as a block; all by default.
    """
    count, captions = similarity.shape
    most = min(max(BLOCK_BYTES // max(8 * captions, 1), 1), MOST_ROWS)
    starts, rows = (range(0, count, most), most) if images is None else (images, 1)
    local = threading.local()

    def work(first: int) -> T:
        if not hasattr(local, "fill"):
            local.fill = similarity.filler()
            local.block = np.empty((rows, captions))
        block = local.block[: count - first]
        local.fill(first, block)
        return use(first, block)

    threads = threads or similarity.most_threads
    yield from in_order(work, starts, threads)


def available_threads() -> int:
    """Return the number of cores that this process can use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(work: Callable[[S], T], items: Sequence[S], threads: int | None = None) -> Iterator[T]:
    """Call a function with each item, in several threads, and yield the results in order.

    At most two results per thread wait to be yielded.

    Args:
        work: The function. Several threads call it.
        items: The items.
        threads: Number of threads; one per core by default.
    """
    threads = min(threads or available_threads(), len(items))
    if threads <= 1:
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

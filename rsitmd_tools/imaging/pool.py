"""A map over processes whose results come in order, with bounded work under way."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import wait
from typing import Any, TypeVar

from rsitmd_tools.errors import RsitmdError

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 8  # chunks under way for each worker: memory stays bounded
SMALL = 32  # so few are done sooner than processes are started


def map_in_order(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int | None = None,
    *,
    chunk: int = 1,
) -> Generator[Result]:
    """Yield ``function(item)`` for every item, in the order of the items.

    Worker processes are not forked from this one, so they hold none of its locks and
    open files; they end by themselves when this process is killed. A script that
    calls this needs the guard ``if __name__ == "__main__"``, as with any use of
    multiprocessing.

    Args:
        function: Can be pickled; sent once to each worker.
        items: Can be pickled.
        workers: Processes; 1 works in this process; by default one a core.
        chunk: Items sent to a worker at once: several where one takes less than a millisecond.

    Raises:
        RsitmdError: A worker died.
    """
    workers = workers or (os.cpu_count() or 1 if len(items) > SMALL else 1)
    if workers == 1:
        yield from map(function, items)
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([function_module(function)])
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start, initargs=(function,)
    )
    try:
        chunks = [items[k : k + chunk] for k in range(0, len(items), chunk)]
        for results in _in_order(pool, chunks, AHEAD * workers):
            yield from results
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, chunks: Sequence[Sequence[Any]], ahead: int
) -> Iterator[list[Any]]:
    coming = iter(chunks)
    under_way: deque[tuple[Sequence[Any], Future[list[Any]]]] = deque()
    while True:
        chunk = under_way[0][0] if under_way else None
        try:
            # A pool breaks while its caller works, too: then it takes no more items.
            for new in islice(coming, ahead - len(under_way)):
                under_way.append((new, pool.submit(_call, new)))
            if not under_way:
                return
            chunk, future = under_way.popleft()
            result = future.result()
        except BrokenProcessPool:
            raise RsitmdError(
                "a worker process died here or at one of the next files",
                where=str(chunk[0] if chunk else None),
                hint="look whether memory ran out, or take the file out; then run it again",
            ) from None
        yield result


def function_module(function: Callable[..., Any]) -> str:
    """Return the module a function, or what a partial wraps, is defined in."""
    return str(getattr(function, "func", function).__module__)


_function: Callable[[Any], Any]


def _start(function: Callable[[Any], Any]) -> None:
    """Make a worker ready."""
    global _function
    _function = function
    # Ctrl-C reaches the whole group; the parent ends the pool in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _call(chunk: Sequence[Any]) -> list[Any]:
    return [_function(item) for item in chunk]

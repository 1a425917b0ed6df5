"""A parallel map over processes with ordered results and bounded memory."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent import futures
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from itertools import islice
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import wait
from queue import SimpleQueue
from typing import Any, TypeVar

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.imaging.memory import keep_some_memory

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 8  # chunks in progress per worker, which bounds the memory
POLL = 0.2  # seconds
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # read when numpy is imported
SMALL = 32  # up to this number of items, starting processes takes longer than the work


def map_in_order(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int | None = None,
    *,
    chunk: int = 1,
    ahead: int = AHEAD,
    preload: Sequence[str] = (),
    stop: threading.Event | None = None,
) -> Generator[Result]:
    """Yield ``function(item)`` for every item, in the order of the items.

    Worker processes are not forked from this one, so they have none of its locks and open files.
    They exit when this process is killed. A script that calls this needs the guard
    ``if __name__ == "__main__"``, as with any use of multiprocessing.

    Args:
        function: A function that can be pickled; sent to each worker once.
        items: Items that can be pickled.
        workers: Number of processes; one per core by default; 1 uses this process.
        chunk: Number of items sent at once; use several if an item takes less than 1 ms.
        ahead: Number of chunks in progress per worker; use more if results are small.
        preload: Modules that the function imports when it runs. They are imported once, before
            the workers start; a module that is not installed is left out. Only the first call of
            a program can have some.
        stop: When it is set, the workers are ended at once, and nothing more is yielded.

    Raises:
        RsitmdError: A worker died.
    """
    workers = workers or (os.cpu_count() or 1 if len(items) > SMALL else 1)
    if workers == 1:
        yield from map(function, items)
        return
    context = start_ahead(function, preload)
    pool = ProcessPoolExecutor(
        workers, mp_context=context, initializer=_start, initargs=(function,)
    )
    try:
        chunks = (items[k : k + chunk] for k in range(0, len(items), chunk))
        for results in _in_order(pool, chunks, ahead * workers, stop):
            yield from results
    finally:
        if stop is not None and stop.is_set():
            for process in list((pool._processes or {}).values()):
                process.terminate()
        pool.shutdown(cancel_futures=True)


def start_ahead(
    function: Callable[..., Any], preload: Sequence[str] = ()
) -> multiprocessing.context.ForkServerContext:
    """Start the process that forks the workers of :func:`map_in_order`, before they are needed.

    It imports the modules while this process does something else.

    Args:
        function: The function of the first workers.
        preload: Modules, as for :func:`map_in_order`.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([function_module(function), *preload])
    _start_fork_server()
    return context


@contextmanager
def ahead_of_use(
    generate: Callable[[threading.Event], Generator[Result]],
) -> Iterator[Iterator[Result]]:
    """Run a generator in a thread, while this one does something else.

    Args:
        generate: Returns the generator, which waits for processes or for files most of the time,
            as :func:`map_in_order` does. When the event is set, because the block has ended, the
            generator ends soon.

    Yields:
        The results, in order. All that are not used yet are held in memory.
    """
    results: SimpleQueue[tuple[str, Any]] = SimpleQueue()
    ended = threading.Event()

    def work() -> None:
        try:
            with closing(generate(ended)) as items:
                for item in items:
                    if ended.is_set():
                        return
                    results.put(("item", item))
            results.put(("end", None))
        except BaseException as error:
            results.put(("error", error))

    def read() -> Iterator[Result]:
        while (entry := results.get())[0] == "item":
            yield entry[1]
        if entry[0] == "error":
            raise entry[1]

    thread = threading.Thread(target=work, name="ahead-of-use")
    thread.start()
    try:
        yield read()
    finally:
        ended.set()
        thread.join()


def _in_order(
    pool: ProcessPoolExecutor,
    chunks: Iterator[Sequence[Any]],
    ahead: int,
    stop: threading.Event | None,
) -> Iterator[list[Any]]:
    pending: deque[tuple[Sequence[Any], Future[list[Any]]]] = deque()
    while True:
        chunk = pending[0][0] if pending else None
        try:
            # The pool can also break between two results. Then it accepts no more items.
            for new in islice(chunks, ahead - len(pending)):
                with _uninterrupted():
                    future = pool.submit(_call, new)
                pending.append((new, future))
            if not pending:
                return
            chunk, future = pending.popleft()
            while stop is not None and not futures.wait([future], POLL).done:
                if stop.is_set():
                    return
            result = future.result()
        except BrokenProcessPool:
            raise RsitmdError(
                "a worker process died at this or one of the next files",
                where=str(chunk[0] if chunk else None),
                hint="check the free memory, or remove the file, and run the same command again",
            ) from None
        yield result


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put Ctrl-C off until the end of the block.

    In the middle of ``submit``, it would leave a worker that the pool does not know and does not
    end. Python calls its handlers in the main thread only.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is None:
        yield
        return
    received = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: received.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if received.is_set():
        signal.raise_signal(signal.SIGINT)


def _start_fork_server() -> None:
    """Start the process that forks the workers, so that Ctrl-C does not reach it.

    It ignores the signal itself, but only after its imports. In the workers, numpy multiplies with
    one thread: where each core has a process, threads that wait for each other make a product take
    several times as long.
    """
    resource_tracker.ensure_running()  # the first start of this one takes the signal mask away
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    unset = [name for name in ONE_THREAD if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, "1"))
    try:
        forkserver.ensure_running()
    finally:
        for name in unset:
            del os.environ[name]
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def function_module(function: Callable[..., Any]) -> str:
    """Return the module that defines a function, or the function of a partial."""
    return str(getattr(function, "func", function).__module__)


_function: Callable[[Any], Any]


def _start(function: Callable[[Any], Any]) -> None:
    """Initialize a worker."""
    global _function
    _function = function
    # Ctrl-C reaches the whole process group. The parent shuts down the pool.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_some_memory()
    gc.freeze()  # what was imported lives as long as the worker: no collection looks at it
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """End this process as soon as the one that started it ends, even if that is killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _call(chunk: Sequence[Any]) -> list[Any]:
    return [_function(item) for item in chunk]

"""Data loading processes: their shared memory and their errors.

A loading process passes its tensors in shared memory, which is ``/dev/shm`` on Linux. A Docker
container has 64 MB of it by default, less than one batch of 100 images of 256 pixels.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any, TypeVar

from torch.utils.data import DataLoader
from torch.utils.data._utils import signal_handling
from torch.utils.data.dataloader import _BaseDataLoaderIter, _MultiProcessingDataLoaderIter

from rsitmd_tools.errors import RsitmdError

T_co = TypeVar("T_co", covariant=True)

SHARED = Path("/dev/shm")  # noqa: S108 - the shared memory of the system
# Batches that a loading process prefetches; the default of torch's DataLoader.
PREFETCHED = 2
# Batches that the training process holds: the current one and the next one.
HELD = 2
# A batch takes seconds; a process that returns none for this long hangs or was stopped.
LIMIT_SECONDS = 300.0
# Interval of checking whether the loading processes are alive.
POLL_SECONDS = 1.0
# Additional time for receiving a batch, on top of the limit for waiting for one.
GRACE_SECONDS = 5.0
TIMED_OUT = "the loading processes returned no batch in time"
MIB = 2**20


class Loader(DataLoader[T_co]):
    """A DataLoader that raises an error if a loading process dies or hangs.

    The DataLoader of torch waits forever for a process that hangs. With its ``timeout``, it checks
    the processes only after that time, and includes time in which the user suspended the job.
    """

    def _get_iterator(self) -> _BaseDataLoaderIter:
        return super()._get_iterator() if self.num_workers == 0 else _Batches(self)


class _Batches(_MultiProcessingDataLoaderIter):
    def __init__(self, loader: DataLoader[Any]) -> None:
        self._requested = 0  # number of requested batches
        self._waiting = False
        self._hung = False
        super().__init__(loader)
        watched = weakref.ref(self)
        threading.Thread(target=_watch, args=(watched,), daemon=True).start()

    def _get_data(self) -> Any:
        self._requested += 1
        self._waiting = True
        try:
            return self._next_batch()
        except Exception:
            if self._hung:
                raise RuntimeError(TIMED_OUT) from None
            raise
        finally:
            self._waiting = False

    def _next_batch(self) -> Any:
        waited = 0.0
        while waited < LIMIT_SECONDS:
            received, data = self._try_get_data(POLL_SECONDS)  # type: ignore[no-untyped-call]
            if received:
                return data
            waited += POLL_SECONDS
        self._kill()
        raise RuntimeError(TIMED_OUT)

    def _shutdown_workers(self) -> None:
        ended = self._shutdown
        super()._shutdown_workers()
        if self._shutdown and not ended:
            self._kill()

    def _kill(self) -> None:
        """Kill processes that do not end: Python would wait for them forever when it exits."""
        if self._worker_pids_set:
            # Otherwise torch reports their end as an error that hides the real one.
            signal_handling._remove_worker_pids(id(self))  # type: ignore[attr-defined]
            self._worker_pids_set = False
        for process in self._workers:
            if process.is_alive():
                process.kill()

    def __del__(self) -> None:
        # A process that is killed now has returned all its batches.
        with contextlib.suppress(RuntimeError):
            super().__del__()


def _watch(batches: weakref.ref[_Batches]) -> None:
    """Kill the loading processes if one of them stops while it sends a batch.

    Torch reads the shared memory of a batch from the process that created it, and waits for it
    without a limit. This counts checks instead of seconds, because a job that the user suspends
    does not check.
    """
    requested, checks = 0, 0
    while True:
        time.sleep(POLL_SECONDS)
        watched = batches()
        if watched is None or watched._shutdown:
            return
        same = watched._waiting and watched._requested == requested
        requested, checks = watched._requested, checks + 1 if same else 0
        if checks * POLL_SECONDS > LIMIT_SECONDS + GRACE_SECONDS:
            watched._hung = True
            watched._kill()
            return
        del watched


def shared_memory_needed(batch_bytes: int, workers: int, processes: int = 1) -> int:
    """Return the bytes of shared memory that prefetched batches can take.

    Args:
        batch_bytes: Bytes of one batch, over all training processes.
        workers: Number of loading processes of each training process.
        processes: Number of training processes; each has a share of every batch.
    """
    share = -(-batch_bytes // processes)
    return (PREFETCHED * workers + HELD) * processes * share if workers else 0


def shared_memory_free() -> int | None:
    """Return the free bytes of shared memory; None if the system does not report them."""
    try:
        state = os.statvfs(SHARED)
    except OSError:
        return None
    return state.f_bavail * state.f_frsize


def choose_workers(requested: int | None, batch_bytes: int, processes: int = 1) -> int:
    """Return the number of processes that load images.

    Args:
        requested: The number requested by the user; None for one process, or none if the shared
            memory is too small.
        batch_bytes: Bytes of one batch.
        processes: Number of training processes.

    Raises:
        RsitmdError: The shared memory is too small for the requested number.
    """
    workers = 1 if requested is None else requested
    needed = shared_memory_needed(batch_bytes, workers, processes)
    free = shared_memory_free()
    if free is None or needed <= free:
        return workers
    loaders = "1 loading process" if workers == 1 else f"{workers} loading processes"
    line = f"{_mib(free)} MB of shared memory free, {loaders} can need {_mib(needed)} MB"
    if requested is not None:
        raise RsitmdError(line, where=SHARED, hint=_more_shared_memory(needed))
    print(
        f"{SHARED}: {line}; loading images in the training process, which is slower; "
        f"{_more_shared_memory(needed)}",
        file=sys.stderr,
        flush=True,
    )
    return 0


def loading_error(message: str, run: Path) -> RsitmdError | None:
    """Convert an error of a loading process to one line; return None for other errors.

    Args:
        message: The message of torch; for an error in a process, its whole traceback.
        run: RUN.
    """
    lines = message.strip().splitlines()
    summary = f"{lines[0]} {lines[-1]}" if lines else ""
    again = "run the same command with --resume and --workers 0"
    if "shared memory" in summary or str(SHARED) in summary or "Bus error" in summary:
        return RsitmdError(
            "the shared memory is full",
            where=SHARED,
            hint=f"start the container with a larger --shm-size, or {again}",
        )
    if TIMED_OUT in summary:
        return RsitmdError(
            f"a data loading process returned no batch for {LIMIT_SECONDS:g} s",
            where=run,
            hint=f"check the disk of the images, or {again}",
        )
    if "DataLoader worker" in summary and (
        "killed by signal" in summary or "unexpectedly" in summary
    ):
        return RsitmdError(
            "a data loading process was killed by the system (often: out of memory)",
            where=run,
            hint=f"{again}, or train with a smaller batch (--set batch_size=N) into a new folder",
        )
    return None


def _more_shared_memory(needed: int) -> str:
    size = 1
    while size * MIB < needed:
        size *= 2
    return f"start the container with --shm-size {size}m, or use --workers 0"


def _mib(count: int) -> str:
    return f"{count / MIB:.0f}"

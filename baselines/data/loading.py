"""Batches on their way from loading processes: the shared memory they need, and what goes wrong.

A loading process hands its tensors over in shared memory, which Linux keeps under ``/dev/shm``.
A container of Docker has 64 MB of it by default, less than one batch of 100 images of 256 pixels.
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

SHARED = Path("/dev/shm")  # noqa: S108 - the system's folder of shared memory
# Batches that a loading process prepares ahead; the default of torch's DataLoader.
AHEAD = 2
# Batches that the training holds: the one it learns from and the next one.
HELD = 2
# A batch takes seconds; a process that gives none for so long hangs or was stopped.
LIMIT_SECONDS = 300.0
# How often it is looked whether the loading processes live.
LOOK_SECONDS = 1.0
# How much longer a hand-over may take than the wait for a batch that did not come at all.
GRACE_SECONDS = 5.0
TIMED_OUT = "the loading processes gave no batch in time"
MIB = 2**20


class Loader(DataLoader[T_co]):
    """A loader that ends in an error where a loading process dies or hangs.

    Torch's own waits for ever for a process that hangs. With its ``timeout`` it looks whether the
    processes live only after that time, and counts the time in which the user suspended the job.
    """

    def _get_iterator(self) -> _BaseDataLoaderIter:
        return super()._get_iterator() if self.num_workers == 0 else _Batches(self)


class _Batches(_MultiProcessingDataLoaderIter):
    def __init__(self, loader: DataLoader[Any]) -> None:
        self._asked = 0  # batches asked for
        self._waiting = False
        self._hung = False
        super().__init__(loader)
        watched = weakref.ref(self)
        threading.Thread(target=_watch, args=(watched,), daemon=True).start()

    def _get_data(self) -> Any:
        self._asked += 1
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
            there, data = self._try_get_data(LOOK_SECONDS)  # type: ignore[no-untyped-call]
            if there:
                return data
            waited += LOOK_SECONDS
        self._kill()
        raise RuntimeError(TIMED_OUT)

    def _shutdown_workers(self) -> None:
        ended = self._shutdown
        super()._shutdown_workers()
        if self._shutdown and not ended:
            self._kill()

    def _kill(self) -> None:
        """Kill what does not end by itself: Python waits for it at its own end, for ever."""
        if self._worker_pids_set:
            # Else torch takes their end for an error, and raises it over the real one.
            signal_handling._remove_worker_pids(id(self))  # type: ignore[attr-defined]
            self._worker_pids_set = False
        for process in self._workers:
            if process.is_alive():
                process.kill()

    def __del__(self) -> None:
        # A process that is killed now has given all its batches.
        with contextlib.suppress(RuntimeError):
            super().__del__()


def _watch(batches: weakref.ref[_Batches]) -> None:
    """Kill the loading processes when one of them stops while it hands a batch over.

    Torch reads a batch's shared memory from the process that made it, and waits for that without
    a limit. Looks are counted, not seconds: a job that the user suspends does not look.
    """
    asked, looks = 0, 0
    while True:
        time.sleep(LOOK_SECONDS)
        watched = batches()
        if watched is None or watched._shutdown:
            return
        same = watched._waiting and watched._asked == asked
        asked, looks = watched._asked, looks + 1 if same else 0
        if looks * LOOK_SECONDS > LIMIT_SECONDS + GRACE_SECONDS:
            watched._hung = True
            watched._kill()
            return
        del watched


def shared_memory_needed(batch_bytes: int, workers: int, processes: int = 1) -> int:
    """Return the bytes of shared memory that the batches under way can take.

    Args:
        batch_bytes: Bytes of one batch, all its parts of several processes together.
        workers: Loading processes of each training process.
        processes: Training processes; each has its share of every batch.
    """
    share = -(-batch_bytes // processes)
    return (AHEAD * workers + HELD) * processes * share if workers else 0


def shared_memory_free() -> int | None:
    """Return the free bytes of shared memory; None where the system does not say it."""
    try:
        state = os.statvfs(SHARED)
    except OSError:
        return None
    return state.f_bavail * state.f_frsize


def fitting_workers(wanted: int | None, batch_bytes: int, processes: int = 1) -> int:
    """Return how many processes load images: as many as asked for, else one if it fits.

    Args:
        wanted: What the user asked for; None where nothing was asked for.
        batch_bytes: Bytes of one batch.
        processes: Training processes.

    Raises:
        RsitmdError: There is too little shared memory for as many as were asked for.
    """
    workers = 1 if wanted is None else wanted
    needed = shared_memory_needed(batch_bytes, workers, processes)
    free = shared_memory_free()
    if free is None or needed <= free:
        return workers
    line = f"shared memory has {_mib(free)} MB free, and {workers} loading processes"
    line = line.replace("1 loading processes", "a loading process")
    line = f"{line} can need {_mib(needed)} MB"
    if wanted is not None:
        raise RsitmdError(line, where=SHARED, hint=_more_shared_memory(needed))
    print(
        f"{SHARED}: {line}: the training process loads the images itself, which is slower; "
        f"{_more_shared_memory(needed)}",
        file=sys.stderr,
        flush=True,
    )
    return 0


def loading_error(message: str, run: Path) -> RsitmdError | None:
    """Return the error of a loading process in one line; None where the error is another.

    Args:
        message: What torch says; of an error in a process, its whole traceback.
        run: RUN.
    """
    lines = message.strip().splitlines()
    said = f"{lines[0]} {lines[-1]}" if lines else ""
    again = "run the same command with --resume and --workers 0"
    if "shared memory" in said or str(SHARED) in said or "Bus error" in said:
        return RsitmdError(
            "the shared memory is full",
            where=SHARED,
            hint=f"start the container with a larger --shm-size, or {again}",
        )
    if TIMED_OUT in said:
        return RsitmdError(
            f"a data loading process gave no batch for {LIMIT_SECONDS:g} s",
            where=run,
            hint=f"check whether its disk hangs, or {again}",
        )
    if "DataLoader worker" in said and ("killed by signal" in said or "unexpectedly" in said):
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

"""Arrays in files, mapped into memory, that travel to other processes as their path."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.atomic import atomic_path, remove_leftovers
from rsitmd_tools.errors import RsitmdError, printable, reason


class MappedArray:
    """A ``.npy`` file mapped for reading; pickled as its path alone."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.array: npt.NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)

    def __len__(self) -> int:
        return len(self.array)

    def __reduce__(self) -> tuple[Any, ...]:
        return MappedArray, (self.file,)


@contextmanager
def one_writer(target: Path) -> Iterator[None]:
    """Wait until no other process writes ``target``, and hold the next one off.

    The system frees the lock as the process ends, however it ends, so what lies unfinished
    beside the target is nobody's. The lock's file stays: were it removed, one who waits and
    one who comes would each lock a file of their own.

    Args:
        target: A file, or what several files have in common; its folder is made when absent.

    Raises:
        RsitmdError: The folder cannot be written to.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        stream = (target.parent / f".{target.name}.lock").open("a")
    except OSError as error:
        raise RsitmdError(
            f"cannot be written ({reason(error)})",
            where=target,
            hint="choose a folder you may write to",
        ) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                printable(f"{target}: another process makes it; waiting until it ends"),
                file=sys.stderr,
                flush=True,
            )
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def make_once(target: Path, files: Sequence[Path], make: Callable[[], object]) -> None:
    """Make files that are not there yet; where another process makes them, wait for it.

    Args:
        target: What the files have in common; no file's own name, which its writer locks.
        files: All of them.
        make: Makes all of them.

    Raises:
        RsitmdError: The folder cannot be written to.
    """
    if all(file.exists() for file in files):
        return
    with one_writer(target):
        # Another process may have made them while this one waited.
        if not all(file.exists() for file in files):
            make()


@contextmanager
def new_array(file: Path, shape: tuple[int, ...], dtype: Any) -> Iterator[npt.NDArray[Any]]:
    """Yield a mapped array to fill; the file appears whole or not at all.

    One process at a time writes a file: another waits, then writes it over.

    Raises:
        RsitmdError: It cannot be written.
    """
    with one_writer(file):
        # Of dead writers: a live one would hold the lock.
        remove_leftovers(file)
        with atomic_path(file) as partial:
            mapped: npt.NDArray[Any] = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
                partial, mode="w+", dtype=dtype, shape=shape
            )
            # Reserved now: a full disk is an error here, not a signal on a write to the map.
            with partial.open("r+b") as stream:
                _reserve(stream.fileno(), partial.stat().st_size)
            yield mapped
            if isinstance(mapped, np.memmap):
                mapped.flush()


def _reserve(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)

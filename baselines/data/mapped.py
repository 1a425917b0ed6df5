"""Memory-mapped arrays in files; other processes receive only the path."""

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
    """A ``.npy`` file mapped for reading; it is pickled as its path."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.array: npt.NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)

    def __len__(self) -> int:
        return len(self.array)

    def __reduce__(self) -> tuple[Any, ...]:
        return MappedArray, (self.file,)


@contextmanager
def one_writer(target: Path) -> Iterator[None]:
    """Hold an exclusive lock for writing ``target``; wait until it is free.

    The system releases the lock when the process ends, even if it is killed, so unfinished files
    of other processes can be removed. The lock file is kept: if it were removed, a waiting
    process and a new one could lock two different files.

    Args:
        target: A file, or the common name of several files; its folder is created.

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
                printable(f"{target}: another process is writing it; waiting until it is done"),
                file=sys.stderr,
                flush=True,
            )
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def make_once(target: Path, files: Sequence[Path], make: Callable[[], object]) -> None:
    """Create files that do not exist; if another process is creating them, wait for it.

    Args:
        target: Common name of the files; not the name of a file, because its writer locks that.
        files: All files.
        make: Creates all files.

    Raises:
        RsitmdError: The folder cannot be written to.
    """
    if all(file.exists() for file in files):
        return
    with one_writer(target):
        # Another process may have created them in the meantime.
        if not all(file.exists() for file in files):
            make()


@contextmanager
def new_array(file: Path, shape: tuple[int, ...], dtype: Any) -> Iterator[npt.NDArray[Any]]:
    """Yield a mapped array to fill; the file appears only when it is complete.

    One process at a time writes a file; another one waits and then overwrites it.

    Raises:
        RsitmdError: The file cannot be written.
    """
    with one_writer(file):
        # These belong to writers that were killed: a live one would hold the lock.
        remove_leftovers(file)
        with atomic_path(file) as partial:
            mapped: npt.NDArray[Any] = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
                partial, mode="w+", dtype=dtype, shape=shape
            )
            # Reserve the space: a full disk is an error here, but a fatal signal on a later write.
            with partial.open("r+b") as stream:
                _reserve(stream.fileno(), partial.stat().st_size)
            yield mapped
            if isinstance(mapped, np.memmap):
                mapped.flush()


def _reserve(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)

"""Arrays in files, mapped into memory, that travel to other processes as their path."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.atomic import atomic_path, remove_leftovers


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
def new_array(file: Path, shape: tuple[int, ...], dtype: Any) -> Iterator[npt.NDArray[Any]]:
    """Yield a mapped array to fill; the file appears whole or not at all.

    Raises:
        RsitmdError: It cannot be written.
    """
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

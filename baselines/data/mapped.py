"""Arrays in files, mapped into memory, that travel to other processes as their path."""

from __future__ import annotations

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
        with partial.open("wb") as stream:
            # Reserved now: a full disk is an error here, not a signal on a write to the map.
            header = np.lib.format.dtype_to_descr(np.dtype(dtype))
            np.lib.format.write_array_header_1_0(
                stream, {"descr": header, "fortran_order": False, "shape": shape}
            )
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            if size:
                _reserve(stream.fileno(), stream.tell(), size)
            start = stream.tell()
        if size == 0:
            yield np.empty(shape, dtype)
            return
        mapped = np.memmap(partial, dtype, "r+", start, shape)
        yield mapped
        mapped.flush()


def _reserve(descriptor: int, start: int, size: int) -> None:
    import os

    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, start, size)
    else:
        os.truncate(descriptor, start + size)

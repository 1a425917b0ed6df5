"""A dense prior: a ``.npy`` file, read through a memory map."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

# numpy's own stubs leave this module untyped.
npy: Any = np.lib.format
Matrix = npt.NDArray[np.floating[Any]]
Put: TypeAlias = Callable[[int, Matrix], None]


@contextmanager
def create(path: Path, shape: tuple[int, int], dtype: str) -> Iterator[Put]:
    """Create a ``.npy`` file of this shape.

    The disk space is allocated first, so that a full disk is noticed before the computation. Rows
    are written to the file instead of to a memory map: a map asks the system for each page.

    Yields:
        ``put(first, rows)``, which writes rows from ``first`` on. Several threads can call it.

    Raises:
        OSError: The disk is full, or the file cannot be created.
    """
    kind = np.dtype(dtype)
    header = {
        "descr": npy.dtype_to_descr(kind),
        "fortran_order": False,
        "shape": shape,
    }
    with path.open("wb") as stream:
        npy.write_array_header_1_0(stream, header)
        stream.flush()
        start, row = stream.tell(), shape[1] * kind.itemsize
        file, size = stream.fileno(), start + shape[0] * row
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file, 0, size)
        else:
            stream.truncate(size)

        def put(first: int, rows: Matrix) -> None:
            data = np.ascontiguousarray(rows, kind).data.cast("B")
            offset = start + first * row
            while data:
                written = os.pwrite(file, data, offset)
                data, offset = data[written:], offset + written

        yield put


def open_values(path: Path) -> Matrix:
    """Map a ``.npy`` file for reading.

    Raises:
        OSError, ValueError: The file cannot be read, or is not a matrix of floats.
    """
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    if values.ndim != 2 or values.dtype.kind != "f":
        raise ValueError(f"is not a matrix of floats: {values.dtype}, {values.ndim} dimensions")
    return np.asarray(values)

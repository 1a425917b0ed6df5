"""A dense prior: a ``.npy`` file that is written and read through a memory map."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# numpy's own stubs leave this module untyped.
npy: Any = np.lib.format
Matrix = npt.NDArray[np.floating[Any]]


def create(path: Path, shape: tuple[int, int], dtype: str) -> Matrix:
    """Create a ``.npy`` file of this shape and map it for writing.

    The disk space is allocated first. Otherwise a full disk would kill the process at a write
    to the memory map, without an error message.

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
        size = stream.tell() + shape[0] * shape[1] * kind.itemsize
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, size)
        else:
            stream.truncate(size)
    matrix: Matrix = npy.open_memmap(path, mode="r+")
    return matrix


def open_values(path: Path) -> Matrix:
    """Map a ``.npy`` file for reading.

    Raises:
        OSError, ValueError: The file cannot be read, or is not a matrix of floats.
    """
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    if values.ndim != 2 or values.dtype.kind != "f":
        raise ValueError(f"is not a matrix of floats: {values.dtype}, {values.ndim} dimensions")
    return np.asarray(values)

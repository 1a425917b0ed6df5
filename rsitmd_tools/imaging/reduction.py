"""Small copies of grey images: the values of Pillow's ``resize``, in a third of its time.

Pillow multiplies pixel by pixel. Here two matrix products do the same. Every product and every sum
is a multiple of 2^-22 below 2^8, so double precision is exact, in whatever order BLAS adds.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.imaging.registration import ONE_THREAD, Grey

SHARE_BITS = 22  # precision of Pillow's weights for 8-bit images
LARGEST = 512  # side length in pixels up to which the tables are small
COLUMNS = 8  # columns of the result that are computed at once: each depends on a part of a line

Table = npt.NDArray[np.float64]


def reduced(grey: Image.Image, side: int) -> Grey:
    """Return the values of ``grey.resize((side, side), LANCZOS)``.

    Args:
        grey: An image of mode L.
        side: Side length of the result in pixels.

    Returns:
        ``(side, side)`` uint8.
    """
    width, height = grey.size
    if width != height or not side < width <= LARGEST:
        return np.asarray(grey.resize((side, side), Image.Resampling.LANCZOS))
    # As Pillow does with a square: along the rows, then the columns, each time rounded to 8 bits.
    lines = _shrunk(np.asarray(grey), side)
    return np.ascontiguousarray(_shrunk(np.ascontiguousarray(lines.T), side).T)


def _shrunk(lines: Grey, side: int) -> Grey:
    """Shrink each line to ``side`` values."""
    values = lines.astype(np.float64)
    found: Table = np.empty((len(lines), side))
    for column, (part, weights) in enumerate(_bands(lines.shape[1], side)):
        few = max(1, ONE_THREAD // weights.size)
        for row in range(0, len(lines), few):
            rows = slice(row, row + few)
            columns = slice(column * COLUMNS, column * COLUMNS + weights.shape[1])
            found[rows, columns] = values[rows, part] @ weights
    found += 0.5
    np.floor(found, out=found)
    return np.clip(found, 0, 255, out=found).astype(np.uint8)


@functools.lru_cache(maxsize=16)
def _bands(length: int, side: int) -> tuple[tuple[slice, Table], ...]:
    """Return which part of a line some columns of the result depend on, and the weights.

    The weights come from Pillow: each column resizes one impulse of 2^22 in an image of integers.
    """
    impulses = Image.fromarray(np.eye(length, dtype=np.int32) << SHARE_BITS)
    resized = impulses.resize((side, length), Image.Resampling.LANCZOS)
    weights = np.asarray(resized) / 2.0**SHARE_BITS
    bands = []
    for column in range(0, side, COLUMNS):
        some = weights[:, column : column + COLUMNS]
        used = np.flatnonzero(some.any(axis=1))
        part = slice(int(used[0]), int(used[-1]) + 1)
        bands.append((part, np.ascontiguousarray(some[part])))
    return tuple(bands)

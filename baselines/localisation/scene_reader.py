"""Reading the slices of a scene from top to bottom, each row of the scene once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.baselines.localisation.slices import Slice
from rsitmd_tools.imaging.options import BandOptions, ValueRange
from rsitmd_tools.imaging.raster import Raster

ROWS = 256  # read at once
MIN_VALID = 0.5

Pixels = npt.NDArray[np.uint8]


def read_slices(
    raster: Raster,
    slices: Sequence[Slice],
    side: int,
    options: BandOptions,
    limits: ValueRange | None,
    min_valid: float = MIN_VALID,
) -> Iterator[Pixels | None]:
    """Yield the pixels of slices, resized as the images of a dataset are.

    Only the rows that a pending slice needs are in memory.

    Args:
        raster: The scene.
        slices: In the order of :func:`slices_of`, or a part of it.
        side: Side of the result in pixels.
        options: The bands.
        limits: The values that become black and white.
        min_valid: Least share of valid pixels of a slice.

    Yields:
        ``(side, side, 3) uint8``; None for a slice with too few valid pixels.

    Raises:
        UnusableImageError: The file cannot be read.
    """
    rows = _Rows(raster, options, limits)
    tops = _first_needed_rows(slices)
    for one, first in zip(slices, tops, strict=True):
        pixels, valid = rows.square(one, first)
        if valid.mean() < min_valid or not valid.any():
            yield None
        else:
            image = Image.fromarray(pixels)
            yield np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))


def _first_needed_rows(slices: Sequence[Slice]) -> list[int]:
    """Return for each slice the first row that it or a later one needs."""
    first = np.array([one.y for one in slices], np.int64)
    found: list[int] = np.minimum.accumulate(first[::-1])[::-1].tolist()
    return found


class _Rows:
    """The rows of a scene that are in memory."""

    def __init__(self, raster: Raster, options: BandOptions, limits: ValueRange | None) -> None:
        self._raster = raster
        self._options = options
        self._limits = limits
        self._first = 0  # row of the first one in memory
        self._pixels: Pixels = np.empty((0, raster.width, 3), np.uint8)
        self._valid: npt.NDArray[np.bool_] = np.empty((0, raster.width), np.bool_)

    def square(self, one: Slice, first: int) -> tuple[Pixels, npt.NDArray[np.bool_]]:
        """Return the pixels of a slice; rows above ``first`` are not needed any more."""
        last = one.y + one.size
        if self._first + len(self._pixels) < last:
            self._read(first, last)
        place = (
            slice(one.y - self._first, last - self._first),
            slice(one.x, one.x + one.size),
        )
        return np.ascontiguousarray(self._pixels[place]), self._valid[place]

    def _read(self, first: int, last: int) -> None:
        end = self._first + len(self._pixels)
        kept = max(0, min(first, end) - self._first)
        pixels, valid = [self._pixels[kept:]], [self._valid[kept:]]
        self._first = first if first >= end else self._first + kept
        row = max(end, self._first)
        last = min(self._raster.height, -(-last // ROWS) * ROWS)
        while row < last:
            height = min(ROWS - row % ROWS, last - row)
            window = (0, row, self._raster.width, height)
            part = self._raster.read_rgb(window, None, self._options, self._limits)
            pixels.append(part[0])
            valid.append(part[1])
            row += height
        self._pixels, self._valid = np.concatenate(pixels), np.concatenate(valid)

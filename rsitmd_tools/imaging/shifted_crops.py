"""Two crops of one photograph that are only shifted: compared by the pixels of their overlap.

Neighbouring crops often share a strip of a tenth of their ground. It has too few keypoints for a
map, but its pixels are nearly equal. So the pixels are correlated at every shift at once, by the
Fourier transforms of both images. The mean of its neighbourhood is subtracted from each pixel, and
the result divided by the contrast there, as in :mod:`rsitmd_tools.imaging.registration`.

What separates a place from repeated patterns is the second peak: furrows, waves and rows of cars
fit nearly as well at other shifts. What separates it from similar objects on plain ground, such as
two tanks, is that all parts of the overlap correlate. Images that overlap by more than half are
left to the keypoints and to the search for near duplicates: equal frames of nodata would match.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rsitmd_tools.imaging.opencv import load_opencv
from rsitmd_tools.imaging.registration import NOISE, normalised

HEIGHT = 128  # pixels of the images that are compared
MAX_WIDTH = 8 * HEIGHT  # pixels; wider strips would take too much memory
COARSE = 2  # factor by which the images are reduced for a first comparison
MIN_OVERLAP, MAX_OVERLAP = 0.08, 0.5  # shares of the area of the smaller image
# Measured on all pairs of a category of UCM-captions and RSITMD (docs/overlap.md, "Shifted crops").
MIN_COARSE = 0.4
MIN_CORRELATION = 0.6
MAX_SECOND = 0.7  # second peak, as a share of the highest one
PEAK = 4  # pixels around a peak that belong to it
MIN_CONTRAST = 0.1  # mean square of the normalised pixels, below which a part is plain
TILES = 16  # parts of an overlap, about
MIN_TILE_CORRELATION = 0.3
MIN_EQUAL = 0.5  # share of the tiles that correlate
MIN_EQUAL_TEXTURED = 0.8  # share of the tiles that correlate, of those that are not plain
# All that a result depends on, besides the images.
SETTINGS = (
    *(HEIGHT, MAX_WIDTH, COARSE, MIN_OVERLAP, MAX_OVERLAP, MIN_COARSE, MIN_CORRELATION),
    *(MAX_SECOND, PEAK, MIN_CONTRAST, TILES, MIN_TILE_CORRELATION, MIN_EQUAL),
    *(MIN_EQUAL_TEXTURED, NOISE),
)

Grey = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float32]
Sums = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shift:
    """The shift between two crops of one photograph.

    Attributes:
        x: A point ``(u, v)`` of the first image is at ``(u + x, v + y)`` in the second one; pixels.
        y: See ``x``.
        correlation: Correlation of the normalised pixels of the overlap, at best 1.
        second: Highest correlation at a shift that is more than :data:`PEAK` pixels away.
        overlap: Share of the smaller image that the other one covers, 0 to 1.
    """

    x: int
    y: int
    correlation: float
    second: float
    overlap: float


class Crop:
    """An image that is ready to be compared with others.

    Args:
        grey: ``(H, W)`` uint8. Only images of one height are comparable.
    """

    def __init__(self, grey: Grey) -> None:
        self._grey = grey
        self.width = grey.shape[1]

    @functools.cached_property
    def fine(self) -> _Normalised:
        """The image at full resolution."""
        return _Normalised(self._grey)

    @functools.cached_property
    def coarse(self) -> _Normalised:
        """The image at half the resolution."""
        cv2 = load_opencv()
        height, width = (max(1, n // COARSE) for n in self._grey.shape)
        small = cv2.resize(self._grey, (width, height), interpolation=cv2.INTER_AREA)
        return _Normalised(small)


class _Normalised:
    """Normalised pixels, with what their correlations are computed from.

    Attributes:
        values: ``(H, W)``, with a mean of 0.
        squares: Summed-area table of their squares, ``(H + 1, W + 1)``.
    """

    def __init__(self, grey: Grey) -> None:
        values = normalised(grey[None].astype(np.float32))[0]
        self.values: Values = values - values.mean()
        self.squares = np.zeros((grey.shape[0] + 1, grey.shape[1] + 1))
        self.squares[1:, 1:] = np.square(self.values, dtype=np.float64).cumsum(0).cumsum(1)
        self._spectrum: npt.NDArray[np.complex64] | None = None
        self._padded = (0, 0)

    def spectrum(self, shape: tuple[int, int]) -> npt.NDArray[np.complex64]:
        """Return the Fourier transform, padded to a shape."""
        from scipy import fft  # takes half a second to import, and other commands do not need it

        if self._spectrum is None or self._padded != shape:
            self._spectrum, self._padded = fft.rfft2(self.values, s=shape), shape
        return self._spectrum


def shifted_crop(first: Crop, second: Crop) -> Shift | None:
    """Return the shift between two images if they are crops of one photograph, else None."""
    if max(first.width, second.width) > MAX_WIDTH:
        return None
    if best_shift(first.coarse, second.coarse).correlation < MIN_COARSE:
        return None
    found = best_shift(first.fine, second.fine)
    proved = (
        found.correlation >= MIN_CORRELATION
        and found.second <= MAX_SECOND * found.correlation
        and found.overlap <= MAX_OVERLAP
        and _all_parts_agree(first.fine.values, second.fine.values, found)
    )
    return found if proved else None


def _all_parts_agree(first: Values, second: Values, shift: Shift) -> bool:
    """Return whether half of the tiles of the overlap correlate, and nearly all with texture.

    Plain tiles of one photograph correlate too: they have the same noise of the sensor.
    """
    top, left = max(0, -shift.y), max(0, -shift.x)
    bottom = min(first.shape[0], second.shape[0] - shift.y)
    right = min(first.shape[1], second.shape[1] - shift.x)
    height, width = bottom - top, right - left
    side = np.sqrt(height * width / TILES)
    rows = np.linspace(0, height, max(1, round(height / side)) + 1).astype(int)
    columns = np.linspace(0, width, max(1, round(width / side)) + 1).astype(int)
    own = first[top:bottom, left:right].astype(np.float64)
    other = second[top + shift.y : bottom + shift.y, left + shift.x : right + shift.x]

    def sums(values: Sums) -> Sums:
        return np.add.reduceat(np.add.reduceat(values, rows[:-1], axis=0), columns[:-1], axis=1)

    energy, other_energy = sums(own**2), sums(other.astype(np.float64) ** 2)
    plain = MIN_CONTRAST * np.outer(np.diff(rows), np.diff(columns))
    textured = np.minimum(energy, other_energy) >= plain
    equal = sums(own * other) > MIN_TILE_CORRELATION * np.sqrt(energy * other_energy)
    enough = equal.mean() >= MIN_EQUAL
    return bool(enough and (textured & equal).sum() >= MIN_EQUAL_TEXTURED * textured.sum())


def best_shift(first: _Normalised, second: _Normalised) -> Shift:
    """Return the shift with the highest correlation of the overlap."""
    from scipy import fft

    grid = _Grid.of(first.values.shape, second.values.shape)
    products = fft.irfft2(
        np.conj(first.spectrum(grid.shape)) * second.spectrum(grid.shape), s=grid.shape
    )
    floor = MIN_CONTRAST * grid.pixels
    energy = np.maximum(grid.sums(first.squares, of_first=True), floor)
    energy *= np.maximum(grid.sums(second.squares, of_first=False), floor)
    correlations = np.where(grid.enough, products / np.sqrt(energy), -1.0)
    place = int(correlations.argmax())
    row, column = divmod(place, grid.shape[1])
    best = float(correlations[row, column])
    rows = np.arange(row - PEAK, row + PEAK + 1) % grid.shape[0]
    columns = np.arange(column - PEAK, column + PEAK + 1) % grid.shape[1]
    correlations[np.ix_(rows, columns)] = -1.0
    return Shift(
        x=int(grid.columns[column]),
        y=int(grid.rows[row]),
        correlation=best,
        second=float(correlations.max()),
        overlap=float(grid.pixels[row, column] / grid.smaller),
    )


@dataclass(frozen=True, slots=True)
class _Grid:
    """All shifts between two images of given sizes.

    Attributes:
        shape: Size of the Fourier transforms, at which no shift wraps around.
        rows: Shift down of each row of the table, in pixels.
        columns: Shift right of each column.
        pixels: Number of pixels in the overlap, at least 1, for each shift.
        enough: Whether the overlap is large enough.
        smaller: Number of pixels of the smaller image.
        parts: Start and end of the overlap in rows and in columns: of the first and second image.
    """

    shape: tuple[int, int]
    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]
    pixels: Sums
    enough: npt.NDArray[np.bool_]
    smaller: int
    parts: tuple[tuple[npt.NDArray[np.intp], ...], tuple[npt.NDArray[np.intp], ...]]

    @staticmethod
    @functools.lru_cache(maxsize=4)
    def of(first: tuple[int, int], second: tuple[int, int]) -> _Grid:
        """Return the shifts between images of two sizes ``(height, width)``."""
        from scipy import fft

        shape = (
            fft.next_fast_len(first[0] + second[0], real=True),
            fft.next_fast_len(first[1] + second[1], real=True),
        )
        shifts, starts, ends = [], [], []
        for n, m, length in zip(first, second, shape, strict=True):
            shift = np.arange(length)
            shift[shift >= m] -= length  # the content moves by up to m - 1, or by up to n - 1 back
            start = np.clip(-shift, 0, n)
            shifts.append(shift)
            starts.append(start)
            ends.append(np.maximum(start, np.minimum(n, m - shift)))
        pixels = np.outer(ends[0] - starts[0], ends[1] - starts[1]).astype(np.float64)
        smaller = min(first[0] * first[1], second[0] * second[1])
        own = (starts[0], ends[0], starts[1], ends[1])
        # An empty overlap may lie outside of the second image.
        rows, columns = (
            (np.clip(start + shift, 0, m), np.clip(end + shift, 0, m))
            for start, end, shift, m in zip(starts, ends, shifts, second, strict=True)
        )
        return _Grid(
            shape=shape,
            rows=shifts[0],
            columns=shifts[1],
            pixels=np.maximum(pixels, 1),
            enough=pixels >= MIN_OVERLAP * smaller,
            smaller=smaller,
            parts=(own, (*rows, *columns)),
        )

    def sums(self, table: Sums, *, of_first: bool) -> Sums:
        """Return the sum over the overlap of an image at each shift, from its summed-area table."""
        top, bottom, left, right = self.parts[0 if of_first else 1]
        strips = table[bottom] - table[top]
        found: Sums = strips[:, right] - strips[:, left]
        return found

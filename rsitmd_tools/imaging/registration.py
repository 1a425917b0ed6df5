"""Similarity of two images of the same picture: re-encoded, brightened or slightly cropped.

A global correlation of two images is high if their large shapes agree, as those of any two runways
do. So every pixel is divided by the contrast of its neighbourhood first: then the texture counts,
which only copies of one picture share. The images are registered by scale and shift before.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

SCALES = (1.0, 1.025, 1.05, 1.075, 1.1)  # zooms of one image of a pair; of the other one too
FINE = 0.0125  # step of the zooms that are tried around the best one
REACH = 0.12  # largest shift, as a share of the side length
NOISE = 3.0  # grey levels: contrast below this is noise of the sensor or of the encoder
ONE_THREAD = 262_144  # multiplications up to which OpenBLAS uses one thread

Grey = npt.NDArray[np.uint8]
Batch = npt.NDArray[np.float32]
Shifts = npt.NDArray[np.int64]
Part = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True)
class Registration:
    """How two images fit.

    Attributes:
        similarity: Correlation of the locally normalised pixels of the overlap, at best 1.
        zoom: Zoom of the second image, relative to the first.
        shift: ``(x, y)`` shift of the second image, as a share of the side length.
    """

    similarity: float
    zoom: float
    shift: tuple[float, float]


def register(first: Grey, second: Grey, around: Registration) -> Registration:
    """Register two images, starting from the registration of their thumbnails.

    Args:
        first: ``(S, S)`` uint8.
        second: ``(S, S)`` uint8.
        around: The registration of their thumbnails.
    """
    zooms = tuple(around.zoom + step * FINE for step in (-1, 0, 1))
    return _register(first[None], second[None], zooms)[0]


def texture(thumbnails: Grey) -> npt.NDArray[np.float64]:
    """Return the contrast of the fine structure of thumbnails, in grey levels.

    It is the standard deviation from the local mean. A picture of plain sea or snow has less than
    one grey level, and any two such pictures look alike.

    Args:
        thumbnails: ``(N, S, S)`` uint8.

    Returns:
        ``(N,)`` float64.
    """
    values = thumbnails.astype(np.float32)
    detail = values - _local_mean(values)
    deviation: npt.NDArray[np.float64] = detail.std(axis=(1, 2), dtype=np.float64)
    return deviation


def _register(first: Grey, second: Grey, zooms: tuple[float, ...]) -> list[Registration]:
    side = first.shape[-1]
    one, other = first.astype(np.float32), second.astype(np.float32)
    # Of each pair only one image is zoomed: the other one is prepared once.
    unzoomed = _Prepared.of(one), _Prepared.of(other)
    best = np.full(len(one), -1.0, np.float32)
    found = np.tile(np.array((1.0, 0.0, 0.0)), (len(one), 1))
    for zoom in zooms:
        x = unzoomed[0] if zoom >= 1 else _Prepared.of(zoomed(one, 1 / zoom))
        y = unzoomed[1] if zoom <= 1 else _Prepared.of(zoomed(other, zoom))
        rows, columns = _shifts(x, y)
        similarity = _overlap_correlations(x.values, y.values, rows, columns)
        better = np.flatnonzero(similarity > best)
        best[better] = similarity[better]
        found[better] = np.stack(np.broadcast_arrays(zoom, columns / side, rows / side), 1)[better]
    return [
        Registration(similarity, zoom, (x_shift, y_shift))
        for similarity, (zoom, x_shift, y_shift) in zip(best.tolist(), found.tolist(), strict=True)
    ]


class _Prepared(NamedTuple):
    """Images that are ready to be compared.

    Attributes:
        values: Locally normalised, ``(N, S, S)``.
        spectrum: Their Fourier transforms, ``(N, S, S // 2 + 1)``.
    """

    values: Batch
    spectrum: npt.NDArray[np.complex64]

    @classmethod
    def of(cls, images: Batch) -> _Prepared:
        from scipy import fft  # takes half a second to import, and an ingest may not need it

        values = normalised(images)
        return cls(values, fft.rfft2(values))


def _shifts(x: _Prepared, y: _Prepared) -> tuple[Shifts, Shifts]:
    """Return the shift in rows and in columns of each pair with the highest correlation."""
    from scipy import fft

    side = x.values.shape[-1]
    reach = int(REACH * side)
    correlation = fft.irfft2(x.spectrum * np.conj(y.spectrum), s=(side, side))
    around = np.arange(-reach, reach + 1)
    near = correlation[:, around[:, None], around]
    peaks = near.reshape(len(near), -1).argmax(axis=1)
    rows, columns = np.divmod(peaks, len(around))
    return rows - reach, columns - reach


def _overlap_correlations(
    x: Batch, y: Batch, rows: Shifts, columns: Shifts
) -> npt.NDArray[np.float32]:
    """Return the correlation of the overlap of each of ``x`` and the shifted one of ``y``.

    Pairs with the same shift are computed together.
    """
    found = np.zeros(len(x), np.float32)
    shifts = np.stack((rows, columns), axis=1)
    for row, column in np.unique(shifts, axis=0).tolist():
        pairs = np.flatnonzero((rows == row) & (columns == column))
        own, shifted = _overlap(row, column, x.shape[-1])
        found[pairs] = _correlations(x[pairs][own], y[pairs][shifted])
    return found


def _overlap(rows: int, columns: int, side: int) -> tuple[Part, Part]:
    """Return which part of an image, and of another one that is shifted, is in the overlap."""
    return (
        (
            slice(None),
            slice(max(0, rows), side + min(0, rows)),
            slice(max(0, columns), side + min(0, columns)),
        ),
        (
            slice(None),
            slice(max(0, -rows), side + min(0, -rows)),
            slice(max(0, -columns), side + min(0, -columns)),
        ),
    )


def _correlations(a: Batch, b: Batch) -> npt.NDArray[np.float32]:
    """Return the correlation of each image of ``a`` and of ``b``.

    The values have been normalised, so their means are small, and the sums of squares precise.
    """
    pixels = a.shape[1] * a.shape[2]
    first, second = a.sum(axis=(1, 2)), b.sum(axis=(1, 2))
    common = _products(a, b) - first * second / pixels
    spread = (_products(a, a) - first**2 / pixels) * (_products(b, b) - second**2 / pixels)
    scale = np.sqrt(np.maximum(spread, 0))
    found: npt.NDArray[np.float32] = np.divide(
        common, scale, out=np.zeros_like(scale), where=scale > 0
    )
    return found


def _products(a: Batch, b: Batch) -> npt.NDArray[np.float32]:
    """Return the sum of the products of the pixels of each pair."""
    product: npt.NDArray[np.float32] = np.einsum("nij,nij->n", a, b)
    return product


def normalised(images: Batch) -> Batch:
    """Subtract the local mean of each pixel and divide by the local contrast.

    Args:
        images: ``(N, H, W)``. The neighbourhood of a pixel grows with the height.
    """
    detail = images - _local_mean(images)
    contrast = _local_mean(detail * detail)
    np.maximum(contrast, 0, out=contrast)
    np.sqrt(contrast, out=contrast)
    contrast += NOISE
    np.divide(detail, contrast, out=detail)
    return detail


def _local_mean(images: Batch) -> Batch:
    """Return the mean around each pixel."""
    height, width = images.shape[-2:]
    radius = max(2, height // 24)
    across, _ = _mean_filter(width, radius)
    _, down = _mean_filter(height, radius)
    return _product(_product(down, images), across)


def zoomed(images: Batch, zoom: float) -> Batch:
    """Enlarge the centre of images."""
    across, down = _zoom_table(images.shape[-1], round(zoom, 6))
    return _product(_product(down, images), across)


def _product(left: Batch, right: Batch) -> Batch:
    """Return the matrix product of images and tables, ``(..., H, H)`` or ``(..., H, W)``.

    The rows are multiplied in parts so small that BLAS starts no threads. Where each core has a
    process, threads that wait for each other take a hundred times as long as the product.
    """
    rows, side = left.shape[-2:]
    part = max(1, ONE_THREAD // side**2)
    if rows <= part or rows % part:
        whole: Batch = left @ right
        return whole
    parts: Batch = left.reshape(*left.shape[:-2], -1, part, side) @ right[..., None, :, :]
    return parts.reshape(*parts.shape[:-3], rows, right.shape[-1])


@functools.lru_cache(maxsize=64)
def _zoom_table(side: int, zoom: float) -> tuple[Batch, Batch]:
    """Return the ``(S, S)`` tables that zoom rows, from the right, and columns, from the left.

    They interpolate linearly about the centre.
    """
    centre = (side - 1) / 2
    position = np.clip((np.arange(side) - centre) / zoom + centre, 0, side - 1)
    left = np.minimum(position.astype(int), side - 2)
    table: Batch = np.zeros((side, side), np.float32)
    share = (position - left).astype(np.float32)
    table[np.arange(side), left] = 1 - share
    table[np.arange(side), left + 1] += share
    return np.ascontiguousarray(table.T), table


@functools.lru_cache(maxsize=16)
def _mean_filter(side: int, radius: int) -> tuple[Batch, Batch]:
    """Return the ``(S, S)`` tables that average rows, from the right, and columns, from the left.

    The mean is that of a window, with repeated edges. Products with a table that is contiguous
    take half the time.
    """
    table = np.zeros((side, side), np.float32)
    for offset in range(-radius, radius + 1):
        table[np.arange(side), np.clip(np.arange(side) + offset, 0, side - 1)] += 1
    table /= np.float32(2 * radius + 1)
    return np.ascontiguousarray(table.T), table

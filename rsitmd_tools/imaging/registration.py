"""Similarity of two images of the same picture: re-encoded, brightened or slightly cropped.

A global correlation of two images is high if their large shapes agree, as those of any two runways
do. So every pixel is divided by the contrast of its neighbourhood first: then the texture counts,
which only copies of one picture share. The images are registered by scale and shift before.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

SCALES = (1.0, 1.025, 1.05, 1.075, 1.1)  # zooms of one image of a pair; of the other one too
FINE = 0.0125  # step of the zooms that are tried around the best one
REACH = 0.12  # largest shift, as a share of the side length
NOISE = 3.0  # grey levels: contrast below this is noise of the sensor or of the encoder
BLOCK = 1024  # pairs compared at once

Grey = npt.NDArray[np.uint8]
Batch = npt.NDArray[np.float32]


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


def coarse_registrations(first: Grey, second: Grey) -> list[Registration]:
    """Register pairs of thumbnails: fast, but not precise enough to decide.

    Args:
        first: ``(N, S, S)`` uint8, one image of each pair.
        second: ``(N, S, S)`` uint8, the other one.
    """
    found: list[Registration] = []
    for start in range(0, len(first), BLOCK):
        found += _register(first[start : start + BLOCK], second[start : start + BLOCK], _coarse())
    return found


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
    mean = _mean_filter(values.shape[-1])
    detail = values - mean @ values @ mean.T
    deviation: npt.NDArray[np.float64] = detail.std(axis=(1, 2), dtype=np.float64)
    return deviation


def _coarse() -> tuple[float, ...]:
    return (*SCALES, *(1 / scale for scale in SCALES[1:]))


def _register(first: Grey, second: Grey, zooms: tuple[float, ...]) -> list[Registration]:
    side = first.shape[-1]
    one, other = first.astype(np.float32), second.astype(np.float32)
    best = [Registration(-1.0, 1.0, (0.0, 0.0))] * len(one)
    for zoom in zooms:
        x = _normalised(one if zoom >= 1 else _zoomed(one, 1 / zoom))
        y = _normalised(_zoomed(other, zoom) if zoom > 1 else other)
        for index, (row, column) in enumerate(_shifts(x, y)):
            similarity = _overlap_correlation(x[index], y[index], row, column)
            if similarity > best[index].similarity:
                best[index] = Registration(similarity, zoom, (column / side, row / side))
    return best


def _shifts(x: Batch, y: Batch) -> list[tuple[int, int]]:
    """Return the shift ``(rows, columns)`` of each pair with the highest correlation."""
    side = x.shape[-1]
    reach = int(REACH * side)
    product = fft.rfft2(x) * np.conj(fft.rfft2(y))
    correlation = fft.irfft2(product, s=(side, side))
    near = np.roll(correlation, (reach, reach), (1, 2))[:, : 2 * reach + 1, : 2 * reach + 1]
    width = 2 * reach + 1
    peaks = near.reshape(len(near), -1).argmax(axis=1)
    return [(int(peak) // width - reach, int(peak) % width - reach) for peak in peaks]


def _overlap_correlation(x: Batch, y: Batch, rows: int, columns: int) -> float:
    """Return the correlation of the overlap of ``x`` and the shifted ``y``."""
    side = len(x)
    a = x[max(0, rows) : side + min(0, rows), max(0, columns) : side + min(0, columns)]
    b = y[max(0, -rows) : side + min(0, -rows), max(0, -columns) : side + min(0, -columns)]
    a, b = a - float(a.mean()), b - float(b.mean())
    scale = float(np.sqrt(np.vdot(a, a) * np.vdot(b, b)))
    return float(np.vdot(a, b)) / scale if scale else 0.0


def _normalised(images: Batch) -> Batch:
    """Subtract the local mean of each pixel and divide by the local contrast."""
    mean = _mean_filter(images.shape[-1])
    detail = images - mean @ images @ mean.T
    contrast = np.sqrt(np.maximum(mean @ (detail * detail) @ mean.T, 0))
    normalised: Batch = np.divide(detail, contrast + NOISE, dtype=np.float32)
    return normalised


def _zoomed(images: Batch, zoom: float) -> Batch:
    """Enlarge the centre of images."""
    table = _zoom_table(images.shape[-1], round(zoom, 6))
    zoomed: Batch = np.matmul(table @ images, table.T, dtype=np.float32)
    return zoomed


@functools.lru_cache(maxsize=64)
def _zoom_table(side: int, zoom: float) -> Batch:
    """Return the ``(S, S)`` table of linear interpolation that zooms a row about its centre."""
    centre = (side - 1) / 2
    position = np.clip((np.arange(side) - centre) / zoom + centre, 0, side - 1)
    left = np.minimum(position.astype(int), side - 2)
    table: Batch = np.zeros((side, side), np.float32)
    share = (position - left).astype(np.float32)
    table[np.arange(side), left] = 1 - share
    table[np.arange(side), left + 1] += share
    return table


@functools.cache
def _mean_filter(side: int) -> Batch:
    """Return the ``(S, S)`` table that averages a row over a window, with repeated edges."""
    radius = max(2, side // 24)
    table = np.zeros((side, side), np.float32)
    for offset in range(-radius, radius + 1):
        table[np.arange(side), np.clip(np.arange(side) + offset, 0, side - 1)] += 1
    average: Batch = table / np.float32(2 * radius + 1)
    return average

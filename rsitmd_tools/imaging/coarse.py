"""Registration of pairs of thumbnails: fast, but not precise enough to decide.

The similarity of a pair is the largest correlation of the overlap over all zooms and shifts. A
search among ten thousand images registers tens of thousands of pairs, so what depends on one image
only is computed once for many pairs: its zoomed copies, their spectra, and the sums of each
overlap. What remains for a pair is a product of two spectra for each zoom.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rsitmd_tools.imaging.perceptual import EFFECTS, ORIENTATIONS, Indices
from rsitmd_tools.imaging.registration import (
    REACH,
    SCALES,
    Batch,
    Grey,
    Registration,
    normalised,
    zoomed,
)

# First and second images of pairs that are prepared at once. One takes 32 kB.
FIRST, SECOND = 64, 2048
PLAIN = 1e-3  # sum of squares of an overlap without texture
PAIRS = 128  # pairs compared at once: their arrays fit in the cache of a core
# Which zoomed copies of the first and of the second image are compared: only one is zoomed.
ZOOMS = [(0, 0), *((0, k) for k in range(1, len(SCALES))), *((k, 0) for k in range(1, len(SCALES)))]


class _Prepared(NamedTuple):
    """N images with what is needed to compare their K zoomed copies at R x R shifts.

    Attributes:
        spectra: ``(N, K, P, P // 2 + 1)`` complex64, of copies padded so that no shift wraps.
        scale: ``(N, K, R, R)``, 1 / the standard deviation of the overlap, without the factor of
            its pixels.
        mean: ``(N, K, R, R)``, the mean of the overlap in these units.
    """

    spectra: npt.NDArray[np.complex64]
    scale: Batch
    mean: Batch


def coarse_registrations(
    thumbnails: Grey,
    first: Indices,
    second: Indices,
    orientation: Indices,
    threads: int | None = None,
) -> list[Registration]:
    """Register pairs of thumbnails in all zooms and shifts.

    Args:
        thumbnails: ``(M, S, S)`` uint8.
        first: ``(N,)``, the index of one image of each pair.
        second: ``(N,)``, the index of the other image.
        orientation: ``(N,)``, index in :data:`ORIENTATIONS`: how the first image is turned.
        threads: Number of threads; one per core by default.
    """
    similarity = np.zeros(len(first), np.float32)
    shift = np.zeros((len(first), 3), np.intp)
    # numpy and scipy release the lock of the interpreter.
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for pairs in _by_image(np.arange(len(first)), second, SECOND):
            images, right = np.unique(second[pairs], return_inverse=True)
            blocks = [images[k : k + FIRST] for k in range(0, len(images), FIRST)]
            parts = list(pool.map(lambda block: _prepare(_copies(thumbnails[block])), blocks))
            prepared = _Prepared(*(np.concatenate(part) for part in zip(*parts, strict=True)))
            jobs = list(_by_image(np.arange(len(pairs)), first[pairs], FIRST))
            work = partial(
                _of_firsts, thumbnails, first[pairs], orientation[pairs], prepared, right
            )
            for job, (best, where) in zip(jobs, pool.map(work, jobs), strict=True):
                similarity[pairs[job]], shift[pairs[job]] = best, where
    side, reach = thumbnails.shape[-1], _reach(thumbnails.shape[-1])
    return [
        Registration(best, _zoom(zoom), ((column - reach) / side, (row - reach) / side))
        for best, (zoom, row, column) in zip(similarity.tolist(), shift.tolist(), strict=True)
    ]


def _by_image(pairs: Indices, image: Indices, most: int) -> Iterator[Indices]:
    """Yield the pairs in parts in which at most ``most`` images occur."""
    rank = np.unique(image, return_inverse=True)[1]
    ordered = pairs[np.argsort(rank, kind="stable")]
    bounds = np.flatnonzero(np.diff(np.sort(rank) // most)) + 1
    yield from (part for part in np.split(ordered, bounds) if len(part))


def _of_firsts(
    thumbnails: Grey,
    first: Indices,
    orientation: Indices,
    seconds: _Prepared,
    right: Indices,
    some: Indices,
) -> tuple[Batch, Indices]:
    """Return the similarities of some pairs, and the zoom, row and column where they are."""
    # An image may have several candidates in the same orientation.
    key = first[some] * len(ORIENTATIONS) + orientation[some]
    needed, left = np.unique(key, return_inverse=True)
    image, turn = np.divmod(needed, len(ORIENTATIONS))
    images, place = np.unique(image, return_inverse=True)
    firsts = _prepare(_turned(_copies(thumbnails[images])[place], turn))
    best = np.empty(len(some), np.float32)
    where = np.empty((len(some), 3), np.intp)
    side = thumbnails.shape[-1]
    for start in range(0, len(some), PAIRS):
        block = slice(start, start + PAIRS)
        values = _correlations(firsts, left[block], seconds, right[some[block]], side)
        flat = values.reshape(len(values), -1)
        peak = flat.argmax(axis=1)
        best[block] = flat[np.arange(len(flat)), peak]
        where[block] = np.stack(np.unravel_index(peak, values.shape[1:]), axis=1)
    return best, where


def _correlations(
    firsts: _Prepared, left: Indices, seconds: _Prepared, right: Indices, side: int
) -> Batch:
    """Return the correlation of each pair by zoom, row and column of the shift."""
    from scipy import fft  # takes half a second to import, and an ingest may not need it

    reach, padded = _reach(side), _padded(side)
    around = np.arange(-reach, reach + 1)
    found: Batch = np.empty((len(left), len(ZOOMS), len(around), len(around)), np.float32)
    for place, (one, other) in enumerate(ZOOMS):
        product = firsts.spectra[left, one] * np.conj(seconds.spectra[right, other])
        rows = fft.ifft(product, axis=1)[:, around]
        common = fft.irfft(rows, padded)[..., around]
        found[:, place] = common * firsts.scale[left, one]
        # The overlap of the second image at a shift is that of a first one at the opposite shift.
        found[:, place] *= seconds.scale[right, other, ::-1, ::-1]
        found[:, place] -= firsts.mean[left, one] * seconds.mean[right, other, ::-1, ::-1]
    return found


def _copies(thumbnails: Grey) -> Batch:
    """Return the locally normalised zoomed copies of images, ``(N, K, S, S)``."""
    images = thumbnails.astype(np.float32)
    copies = [images, *(zoomed(images, scale) for scale in SCALES[1:])]
    return np.stack([normalised(copy) for copy in copies], axis=1)


def _turned(copies: Batch, orientation: Indices) -> Batch:
    """Return copies in the orientations of :data:`ORIENTATIONS`."""
    found = np.empty_like(copies)
    for how in np.unique(orientation):
        transposed, rows, columns = EFFECTS[how]
        some = copies[orientation == how]
        upright = some.swapaxes(-1, -2) if transposed else some
        found[orientation == how] = upright[..., :: -1 if rows else 1, :: -1 if columns else 1]
    return found


def _prepare(copies: Batch) -> _Prepared:
    from scipy import fft

    side = copies.shape[-1]
    reach, padded = _reach(side), _padded(side)
    # Which pixels of a line are in the overlap, if it is shifted by -reach to reach.
    shift, pixel = np.arange(-reach, reach + 1), np.arange(side)[:, None]
    kept = ((pixel >= shift) & (pixel < side + shift)).astype(np.float32)
    pixels = np.outer(kept.sum(axis=0), kept.sum(axis=0))
    total = _overlap_sums(copies, kept)
    spread = _overlap_sums(copies * copies, kept) - total * total / pixels
    scale = np.zeros_like(spread)
    np.divide(1, np.sqrt(np.maximum(spread, 0)), out=scale, where=spread > PLAIN)
    spectra = fft.rfft2(np.pad(copies, [(0, 0)] * 2 + [(0, padded - side)] * 2))
    return _Prepared(spectra, scale, total * scale / np.sqrt(pixels))


def _overlap_sums(values: Batch, kept: Batch) -> Batch:
    """Return the sum of each overlap by row and column of the shift."""
    across = np.ascontiguousarray((values @ kept).swapaxes(-1, -2))
    return (across @ kept).swapaxes(-1, -2)


def _reach(side: int) -> int:
    """Return the largest shift in pixels."""
    return int(REACH * side)


def _padded(side: int) -> int:
    from scipy import fft

    return int(fft.next_fast_len(side + _reach(side), real=True))


def _zoom(place: int) -> float:
    """Return the zoom of the second image of an entry of :data:`ZOOMS`."""
    one, other = ZOOMS[place]
    return SCALES[other] / SCALES[one]

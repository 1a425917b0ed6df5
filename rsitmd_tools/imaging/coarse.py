"""Registration of pairs of thumbnails: fast, but not precise enough to decide.

The similarity of a pair is the largest correlation of the overlap over all zooms and shifts. A
search among ten thousand images registers tens of thousands of pairs, so what depends on one image
only is computed once for many pairs: its zoomed copies, their spectra, and the sums of each
overlap. What remains for a pair is a product of two spectra for each zoom.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from rsitmd_tools.imaging.perceptual import EFFECTS, Indices
from rsitmd_tools.imaging.registration import (
    REACH,
    SCALES,
    Batch,
    Grey,
    Registration,
    normalised,
    zoomed,
)

# First and second images of pairs that are prepared at once. They take 60 kB and 30 kB each.
FIRST, SECOND = 128, 4096
PAIRS = 32  # pairs compared at once: their arrays fit in the cache of a core
PLAIN = 1e-3  # sum of squares of an overlap without texture
ENDS = (SCALES[0], SCALES[-1])  # the scales of a first look


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

    @classmethod
    def of(cls, copies: Batch) -> _Prepared:
        """Prepare the ``(N, K, S, S)`` copies of images."""
        from scipy import fft  # takes half a second to import, and an ingest may not need it

        side = copies.shape[-1]
        shift, pixel = _shifts(side), np.arange(side)[:, None]
        # Which pixels of a line are in the overlap, if it is shifted.
        kept = ((pixel >= shift) & (pixel < side + shift)).astype(np.float32)
        pixels: Batch = np.outer(kept.sum(axis=0), kept.sum(axis=0))
        total = _overlap_sums(copies, kept)
        spread = _overlap_sums(copies * copies, kept) - total * total / pixels
        scale: Batch = np.zeros(spread.shape, np.float32)
        np.divide(1, np.sqrt(np.maximum(spread, 0)), out=scale, where=spread > PLAIN)
        margin = int(fft.next_fast_len(side + int(shift.max()), real=True)) - side
        spectra = fft.rfft2(np.pad(copies, [(0, 0), (0, 0), (0, margin), (0, margin)]))
        return cls(spectra, scale, total * scale / np.sqrt(pixels))


def coarse_registrations(
    thumbnails: Grey,
    first: Indices,
    second: Indices,
    orientation: Indices,
    threads: int | None = None,
    scales: Sequence[float] = SCALES,
) -> list[Registration]:
    """Register pairs of thumbnails in all zooms and shifts.

    Args:
        thumbnails: ``(M, S, S)`` uint8.
        first: ``(N,)``, the index of one image of each pair.
        second: ``(N,)``, the index of the other image.
        orientation: ``(N,)``, index in :data:`ORIENTATIONS`: how the first image is turned.
        threads: Number of threads; one per core by default.
        scales: Zooms of one image of a pair, 1 first. With :data:`ENDS`, it takes a third of the
            time, and the similarity is lower.
    """
    side = thumbnails.shape[-1]
    similarity = np.zeros(len(first), np.float32)
    where = np.zeros((len(first), 3), np.intp)

    def of_firsts(pairs: Indices, right: Indices, seconds: _Prepared) -> None:
        images, left = np.unique(first[pairs], return_inverse=True)
        copies = _copies(thumbnails[images], scales)
        transposes = np.array([transposed for transposed, _, _ in EFFECTS])[orientation[pairs]]
        for transposed in (False, True):
            # Few images are in pairs of both kinds, so each is prepared for those that it is in.
            chosen = np.flatnonzero(transposes == transposed)
            if len(chosen):
                used, place = np.unique(left[chosen], return_inverse=True)
                some = copies[used].swapaxes(2, 3) if transposed else copies[used]
                firsts = _Prepared.of(np.ascontiguousarray(some))
                of_prepared(pairs[chosen], firsts, place, seconds, right[chosen])

    def of_prepared(
        pairs: Indices, firsts: _Prepared, left: Indices, seconds: _Prepared, right: Indices
    ) -> None:
        for how in np.unique(orientation[pairs]).tolist():
            flips = EFFECTS[how][1:]
            turned = np.flatnonzero(orientation[pairs] == how)
            for start in range(0, len(turned), PAIRS):
                some = turned[start : start + PAIRS]
                values = _correlations(firsts, left[some], flips, seconds, right[some], side)
                peak = values.reshape(len(some), -1).argmax(axis=1)
                place = np.unravel_index(peak, values.shape[1:])
                similarity[pairs[some]] = values[np.arange(len(some)), *place]
                where[pairs[some]] = np.stack(place, axis=1)

    # numpy and scipy release the lock of the interpreter.
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for pairs in _by_image(np.arange(len(first)), second, SECOND):
            images, right = np.unique(second[pairs], return_inverse=True)
            blocks = [thumbnails[images[k : k + FIRST]] for k in range(0, len(images), FIRST)]
            parts = list(pool.map(lambda block: _Prepared.of(_copies(block, scales)), blocks))
            seconds = _Prepared(*map(np.concatenate, zip(*parts, strict=True)))
            jobs = _by_image(np.arange(len(pairs)), first[pairs], FIRST)
            work = [pool.submit(of_firsts, pairs[job], right[job], seconds) for job in jobs]
            for done in work:
                done.result()
    shifts = (_shifts(side) / side).tolist()
    zooms = [*scales, *(1 / scale for scale in scales[1:])]  # as in _in_zooms
    return [
        Registration(best, zooms[zoom], (shifts[column], shifts[row]))
        for best, (zoom, row, column) in zip(similarity.tolist(), where.tolist(), strict=True)
    ]


def _by_image(pairs: Indices, image: Indices, most: int) -> Iterator[Indices]:
    """Yield the pairs in batches with at most ``most`` different images."""
    rank = np.unique(image, return_inverse=True)[1]
    order = np.argsort(rank, kind="stable")
    bounds = np.flatnonzero(np.diff(rank[order] // most)) + 1
    yield from (part for part in np.split(pairs[order], bounds) if len(part))


def _correlations(
    firsts: _Prepared,
    left: Indices,
    flips: tuple[bool, bool],
    seconds: _Prepared,
    right: Indices,
    side: int,
) -> Batch:
    """Return the correlation of each pair by zoom, row and column of the shift.

    Args:
        firsts: The first images.
        left: ``(N,)``, the index of the first image of each pair.
        flips: Whether the rows and whether the columns of the first images are flipped.
        seconds: The second images.
        right: ``(N,)``, the index of the second image.
        side: Side length of the images.
    """
    firsts_of, seconds_of = firsts.spectra[left], seconds.spectra[right]
    if flips[0] != flips[1]:
        firsts_of = firsts_of[:, :, -np.arange(firsts_of.shape[2])]
    if not flips[1]:
        np.conj(seconds_of, out=seconds_of)
    products = _in_zooms(firsts_of, seconds_of)
    pairs, zooms, padded, frequencies = products.shape
    down, across = _inverse(side, padded, flips)
    # One product per pair: large enough for BLAS to be fast, too small for it to start threads.
    lines = products.view(np.float32).reshape(pairs, -1, 2 * frequencies) @ across
    common: Batch = down @ lines.reshape(pairs, zooms, 2 * padded, -1)
    steps = tuple(-1 if flip else 1 for flip in flips)
    scale, mean = (
        # The overlap of a second image at a shift is that of a first one at the opposite shift.
        _in_zooms(one[left][..., :: steps[0], :: steps[1]], other[right][..., ::-1, ::-1])
        for one, other in zip(firsts[1:], seconds[1:], strict=True)
    )
    common *= scale
    common -= mean
    return common


def _in_zooms(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the products of the arrays of zoomed copies, ``(N, Z, ...)``.

    The first product is of the unzoomed images. Those with the second image zoomed follow, then
    those with the first image zoomed.
    """
    copies = one.shape[1]
    found = np.empty((len(one), 2 * copies - 1, *one.shape[2:]), one.dtype)
    np.multiply(one[:, :1], other, out=found[:, :copies])
    np.multiply(one[:, 1:], other[:, :1], out=found[:, copies:])
    return found


@functools.lru_cache(maxsize=16)
def _inverse(side: int, padded: int, flips: tuple[bool, bool]) -> tuple[Batch, Batch]:
    """Return the tables that transform a spectrum back, at the shifts that are compared.

    Products with two small tables take less time than a Fourier transform, which also returns all
    other shifts.

    Returns:
        ``(R, 2 P)``, for the columns of a spectrum, and ``(2 Q, 2 R)``, for its lines. Complex
        numbers are pairs of real ones.
    """
    # An image mirrored about its first pixel is a flipped image moved by a side length. Its
    # spectrum is that of the image in another order, and conjugated if columns are mirrored. Then
    # the other spectrum stays as it is, and the correlation is read from its end.
    shifts = _shifts(side)
    rows, columns = ((shifts - (side - 1) * flip) * (-1 if flips[1] else 1) for flip in flips)
    frequency = np.arange(padded // 2 + 1)
    turn = 2j * np.pi / padded
    # The other half of the frequencies is the conjugate of this one.
    weight = np.where((frequency == 0) | (2 * frequency == padded), 1.0, 2.0)[:, None]
    across = np.exp(turn * np.outer(frequency, columns)) * weight / padded**2
    lines = np.empty((len(frequency), 2, 2 * len(shifts)), np.float32)
    lines[:, 0] = np.hstack([across.real, across.imag])
    lines[:, 1] = np.hstack([-across.imag, across.real])
    down = np.exp(turn * np.outer(rows, np.arange(padded)))
    table = np.stack([down.real, -down.imag], axis=2).astype(np.float32)
    return table.reshape(len(shifts), -1), lines.reshape(-1, 2 * len(shifts))


def _copies(thumbnails: Grey, scales: Sequence[float]) -> Batch:
    """Return the locally normalised zoomed copies of images, ``(N, K, S, S)``."""
    images = thumbnails.astype(np.float32)
    copies = [images, *(zoomed(images, scale) for scale in scales[1:])]
    return np.stack([normalised(copy) for copy in copies], axis=1)


def _overlap_sums(values: Batch, kept: Batch) -> Batch:
    """Return the sum of each overlap by row and column of the shift."""
    across = np.ascontiguousarray((values @ kept).swapaxes(-1, -2))
    return (across @ kept).swapaxes(-1, -2)


def _shifts(side: int) -> Indices:
    """Return the shifts along an axis, in pixels."""
    reach = int(REACH * side)
    return np.arange(-reach, reach + 1)

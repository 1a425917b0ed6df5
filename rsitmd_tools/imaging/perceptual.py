"""Perceptual hashes of images in all orientations, and pairs of similar images.

A hash has the bits of ``imagehash.phash``, which is the oracle of the tests. The eight orientations
of an image share one cosine transform; eight calls of imagehash would cost more than decoding
the image (``benchmarks/validation.py --images``).
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.imaging.pixels import as_grey
from rsitmd_tools.imaging.reduction import reduced
from rsitmd_tools.progress import progress

DIGITS = 16  # hex digits of one perceptual hash of 64 bits
Indices = npt.NDArray[np.intp]
BLOCK = 256  # number of images hashed or compared at once
MANY = 8192  # pairs of a block after which those that are too many are left out
ACROSS = 512  # number of images that a block is compared with at once
SHORT = 10_000  # number of images that are compared in a second or two: no progress is shown
SIDE = 32  # side length of the grey image that is hashed
LOW = 8  # number of frequencies per axis that a hash uses
ORIENTATIONS = (
    None,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_180,
    Image.Transpose.ROTATE_270,
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
)
# Whether each orientation transposes an image, and whether it then flips the rows and the columns.
# In the cosine transform of a flipped image, the odd rows or columns change their signs.
EFFECTS = (
    (False, False, False),
    (True, True, False),
    (False, True, True),
    (True, False, True),
    (False, False, True),
    (False, True, False),
    (True, False, False),
    (True, True, True),
)


def in_orientation(square: npt.NDArray[np.uint8], orientation: int) -> npt.NDArray[np.uint8]:
    """Return a grey image ``(S, S)`` in one of the eight :data:`ORIENTATIONS`, by its index."""
    how = ORIENTATIONS[orientation]
    return square if how is None else np.asarray(Image.fromarray(square).transpose(how))


def grey_thumbnail(image: Image.Image) -> bytes:
    """Return the ``SIDE * SIDE`` grey values of an image from which it is hashed."""
    return reduced(as_grey(image), SIDE).tobytes()


def perceptual_hashes(thumbnails: Sequence[bytes]) -> list[str]:
    """Return the perceptual hashes of images in their eight orientations.

    An aerial image has no fixed orientation: a rotated one shows the same place.

    Args:
        thumbnails: ``SIDE * SIDE`` grey values of each image.

    Returns:
        For each image eight hashes of 16 hex digits (64 bits) each, in the order of
        :data:`ORIENTATIONS`.
    """
    basis, middle = _cosines(), LOW * LOW // 2
    found: list[str] = []
    for start in range(0, len(thumbnails), BLOCK):
        values = np.frombuffer(b"".join(thumbnails[start : start + BLOCK]), np.uint8)
        low = basis @ values.reshape(-1, SIDE, SIDE).astype(np.float64) @ basis.T
        turned = low.swapaxes(1, 2)
        oriented = np.empty((len(low), len(EFFECTS), LOW, LOW))
        for place, (transposed, signs) in enumerate(_signed_effects()):
            np.multiply(turned if transposed else low, signs, out=oriented[:, place])
        variants = oriented.reshape(len(low), len(EFFECTS), LOW * LOW)
        ordered = np.sort(variants, axis=2)
        median = (ordered[:, :, middle - 1 : middle] + ordered[:, :, middle : middle + 1]) / 2
        found += (bits.tobytes().hex() for bits in np.packbits(variants > median, axis=2))
    return found


@functools.cache
def _signed_effects() -> tuple[tuple[bool, npt.NDArray[np.float64]], ...]:
    """Return whether each orientation transposes, and its signs."""
    return tuple((transposed, _signs(rows, columns)) for transposed, rows, columns in EFFECTS)


def _signs(rows: bool, columns: bool) -> npt.NDArray[np.float64]:
    """Return ``(LOW, LOW)`` signs: -1 on odd rows or columns that are flipped."""
    odd = np.where(np.arange(LOW) % 2, -1.0, 1.0)
    plain = np.ones(LOW)
    return np.outer(odd if rows else plain, odd if columns else plain)


@functools.cache
def _cosines() -> npt.NDArray[np.float64]:
    """Return the lowest rows of the cosine transform of type II, ``(LOW, SIDE)``."""
    frequency, place = np.arange(LOW)[:, None], np.arange(SIDE)[None, :]
    table: npt.NDArray[np.float64] = np.cos(np.pi * frequency * (2 * place + 1) / (2 * SIDE))
    return table


def near_orientations(
    phashes: Sequence[str],
    distance: int,
    most: int | None = None,
    upright_hashes: Sequence[str] | None = None,
    threads: int | None = None,
) -> Iterator[tuple[int, int, int]]:
    """Yield the pairs of images that may look similar, and in which orientation.

    Two images are similar if some hash of one and the first hash of the other differ in at most
    ``distance`` bits. All pairs are compared: about 10^9 comparisons of 64 bits for 10 000 images,
    which take seconds.

    Args:
        phashes: Hashes of each image, 16 hex digits each: first that of the image as it is,
            then those of its other orientations. All images have the same number of hashes.
        distance: Maximum number of different bits, 0 to 64.
        most: Maximum number of later images for each image, those with the nearest hashes; all by
            default.
        upright_hashes: Other hashes of the second image of each pair, such as those of its centre;
            only the first hash of each is used. By default those of ``phashes``.
        threads: Number of threads; one per core by default.

    Yields:
        ``(i, j, k)``: image ``i`` in its orientation ``k`` is similar to image ``j``, with i < j.
        Of several orientations, the most similar one.
    """
    if not phashes:
        return
    bits = _bits(phashes)
    other = bits if upright_hashes is None else _bits(upright_hashes)
    upright = np.ascontiguousarray(other[:, 0])

    def of_block(start: int) -> Indices:
        turned = np.ascontiguousarray(bits[start : start + BLOCK].T)
        limits = np.full(turned.shape[1], distance + 1, np.uint8)
        found: list[Indices] = []
        new = 0
        # Blocks that fit in the cache of a core.
        for first in range(start, len(bits), ACROSS):
            found.append(_near(turned, upright[first : first + ACROSS], limits, (start, first)))
            new += found[-1].shape[1]
            if most is not None and new > MANY:
                found, new = [_nearest_of_each(np.concatenate(found, axis=1), most)], 0
                _lower(limits, found[0], start, most)
        pairs = np.concatenate(found, axis=1)
        if most is not None:
            pairs = _nearest_of_each(pairs, most)
        return pairs[:, np.lexsort((pairs[1], pairs[0]))]

    # numpy releases the lock of the interpreter.
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        starts = range(0, len(bits), BLOCK)
        with progress("compare hashes", len(bits), short=SHORT) as step:
            for start, pairs in zip(starts, pool.map(of_block, starts), strict=True):
                left, right, how, _ = pairs.tolist()
                yield from zip(left, right, how, strict=True)
                step(min(BLOCK, len(bits) - start))


def _bits(phashes: Sequence[str]) -> npt.NDArray[np.uint64]:
    """Return the hashes of N images in K orientations, ``(N, K)``."""
    bits = np.frombuffer(bytes.fromhex("".join(phashes)), dtype=">u8").astype(np.uint64)
    return bits.reshape(len(phashes), -1)


def _near(
    turned: npt.NDArray[np.uint64],
    upright: npt.NDArray[np.uint64],
    limits: npt.NDArray[np.uint8],
    origin: tuple[int, int],
) -> Indices:
    """Return the pairs of two blocks of images that may look similar.

    Args:
        turned: Hashes of the images of a block in their K orientations, ``(K, B)``.
        upright: First hashes of the images of the other block, ``(N,)``.
        limits: ``(B,)``, the number of different bits from which a pair is not similar.
        origin: Indices of the first image of ``turned`` and of ``upright``.

    Returns:
        Two images, the orientation of the first one and the distance of each pair, ``(4, P)``.
    """
    least = np.full((turned.shape[1], len(upright)), 65, np.uint8)
    different, count = np.empty(least.shape, np.uint64), np.empty_like(least)
    for hashes in turned:
        np.bitwise_xor(hashes[:, None], upright, out=different)
        np.bitwise_count(different, out=count)
        np.minimum(least, count, out=least)
    # In one dimension it takes a tenth of the time.
    left, right = np.divmod(np.flatnonzero(least < limits[:, None]), len(upright))
    later = left + origin[0] < right + origin[1]
    left, right = left[later], right[later]
    # Of several orientations that are equally similar, the first one.
    how = np.bitwise_count(turned[:, left] ^ upright[right]).argmin(axis=0)
    pairs = [left + origin[0], right + origin[1], how, least[left, right]]
    return np.stack(pairs).astype(np.intp)


def _lower(limits: npt.NDArray[np.uint8], nearest: Indices, start: int, most: int) -> None:
    """Lower the limits of images that have enough pairs: only a nearer one replaces one of them.

    Without it, thousands of similar images would be sorted again and again.

    Args:
        limits: The limits of the images of a block.
        nearest: The result of :func:`_nearest_of_each`.
        start: Index of the first image of the block.
        most: How many pairs are enough.
    """
    images, counts = np.unique(nearest[0], return_counts=True)
    enough = counts == most
    limits[images[enough] - start] = nearest[3, np.cumsum(counts)[enough] - 1]


def _nearest_of_each(pairs: Indices, most: int) -> Indices:
    """Return the ``most`` nearest pairs of each first image, the earlier ones of equals."""
    left, right, _, distances = pairs
    pairs = pairs[:, np.lexsort((right, distances, left))]
    rank = np.arange(pairs.shape[1]) - np.searchsorted(pairs[0], pairs[0])
    return pairs[:, rank < most]

"""Pairs of images that show the same: pixel by pixel or nearly, turned or flipped perhaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from rsitmd_tools.ingest.duplicates import near_pairs
from rsitmd_tools.quality.pictures import SIDE, Picture, decode, orientations

# Perceptual hashes of calm images (sea, sand) collide; thumbnails then tell them apart.
LIKENESS = 0.93
_ROUNDING = 3
LOW = 8  # frequencies a side that a hash looks at
BLOCK = 256  # images hashed at once


@dataclass(frozen=True, slots=True)
class Twins:
    """Two images that show the same.

    Attributes:
        first: Index of the earlier one.
        second: Index of the later one.
        exact: Whether their pixels are equal, turned or flipped perhaps.
        likeness: Correlation of their thumbnails, at best 1.
    """

    first: int
    second: int
    exact: bool
    likeness: float


def twins(pictures: Sequence[Picture], distance: int) -> list[Twins]:
    """Find exact and near duplicates under the eight turns and flips.

    Candidates have perceptual hashes that differ in at most ``distance`` of 64 bits; of
    those, pairs stay whose thumbnails correlate in some orientation.

    Args:
        pictures: Measured images; those with a problem or of one grey value are left out.
        distance: In bits.

    Returns:
        The pairs in order of the later image, then of the earlier one.
    """
    usable = [
        index
        for index, picture in enumerate(pictures)
        if picture.problem is None and picture.deviation > 0
    ]
    hashes = perceptual_hashes([pictures[index].thumbnail for index in usable])
    pairs = {(min(pair), max(pair)) for pair in near_pairs(hashes, distance)} if hashes else set()
    found = [
        Twins(usable[i], usable[j], _equal(pictures[usable[i]], pictures[usable[j]]), likeness)
        for i, j in pairs
        if (likeness := _likeness(pictures[usable[i]], pictures[usable[j]])) >= LIKENESS
    ]
    return sorted(found, key=lambda pair: (pair.second, pair.first))


def perceptual_hashes(thumbnails: Sequence[bytes]) -> list[str]:
    """Return the perceptual hashes of square images and of their seven turns and flips.

    The cosine transform of a flipped image has the signs of its odd rows or columns
    changed, that of a transposed one is transposed: one transform gives all eight.

    Args:
        thumbnails: ``SIDE * SIDE`` grey values of each image.

    Returns:
        For each image eight hashes of 16 hex digits (64 bits), the image's own first.
    """
    basis, half = _cosines(), LOW * LOW // 2
    found: list[str] = []
    for start in range(0, len(thumbnails), BLOCK):
        values = np.frombuffer(b"".join(thumbnails[start : start + BLOCK]), np.uint8)
        low = basis @ values.reshape(-1, SIDE, SIDE).astype(np.float64) @ basis.T
        both = np.stack([low, np.swapaxes(low, 1, 2)], axis=1)[:, :, None] * _SIGNS
        variants = both.reshape(len(low), 8, LOW * LOW)
        middle = np.sort(variants, axis=2)[:, :, half - 1 : half + 1].mean(axis=2, keepdims=True)
        found += (bits.tobytes().hex() for bits in np.packbits(variants > middle, axis=2))
    return found


_PLAIN, _TURNED = np.ones(LOW), np.where(np.arange(LOW) % 2, -1.0, 1.0)
_SIGNS = np.stack([np.outer(r, c) for r in (_PLAIN, _TURNED) for c in (_PLAIN, _TURNED)])


@cache
def _cosines() -> npt.NDArray[np.float64]:
    """The lowest rows of the cosine transform (type II): (LOW, SIDE)."""
    frequency, place = np.arange(LOW)[:, None], np.arange(SIDE)[None, :]
    table: npt.NDArray[np.float64] = np.cos(np.pi * frequency * (2 * place + 1) / (2 * SIDE))
    return table


def _likeness(one: Picture, other: Picture) -> float:
    """Return the best correlation of two thumbnails over the orientations of the second."""
    first = _standardised(_thumbnail(one))
    return max(
        float(np.mean(first * _standardised(turned))) for turned in orientations(_thumbnail(other))
    )


def _equal(one: Picture, other: Picture) -> bool:
    """Say whether the pixels of two images are equal in some orientation."""
    thumbnail = _thumbnail(one).astype(np.int16)
    if not any(
        np.abs(thumbnail - turned).max() <= _ROUNDING for turned in orientations(_thumbnail(other))
    ):
        return False
    first = np.asarray(decode(one.path).convert("RGB"))
    second = np.asarray(decode(other.path).convert("RGB"))
    return any(np.array_equal(first, turned) for turned in orientations(second))


def _thumbnail(picture: Picture) -> npt.NDArray[np.uint8]:
    return np.frombuffer(picture.thumbnail, np.uint8).reshape(SIDE, SIDE)


def _standardised(values: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    centred: npt.NDArray[np.float64] = values - values.mean()
    scale = float(centred.std())
    return centred / scale if scale else centred


def firsts(pairs: Sequence[Twins]) -> Iterator[Twins]:
    """Yield one pair for each later image: the likest, the exact ones first."""
    best: dict[int, Twins] = {}
    for pair in pairs:
        known = best.get(pair.second)
        if known is None or (pair.exact, pair.likeness) > (known.exact, known.likeness):
            best[pair.second] = pair
    yield from best.values()

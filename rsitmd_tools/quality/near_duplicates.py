"""Pairs of equal or nearly equal images, possibly rotated or flipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rsitmd_tools.imaging.perceptual import SIDE, near_pairs, perceptual_hashes
from rsitmd_tools.quality.pictures import Picture, decode, orientations

# Perceptual hashes of uniform images (sea, sand) collide; thumbnails distinguish them.
MIN_SIMILARITY = 0.93
_ROUNDING = 3


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Two equal or nearly equal images.

    Attributes:
        first: Index of the earlier one.
        second: Index of the later one.
        exact: Whether their pixels are equal, possibly rotated or flipped.
        similarity: Correlation of their thumbnails, at best 1.
    """

    first: int
    second: int
    exact: bool
    similarity: float


def near_duplicates(pictures: Sequence[Picture], distance: int) -> list[NearDuplicates]:
    """Find exact and near duplicates under the eight rotations and flips.

    Candidates have perceptual hashes that differ in at most ``distance`` of 64 bits. A pair is a
    duplicate if the thumbnails correlate in some orientation.

    Args:
        pictures: Measured images; unreadable and completely uniform ones are skipped.
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
        NearDuplicates(
            usable[i], usable[j], _equal(pictures[usable[i]], pictures[usable[j]]), similarity
        )
        for i, j in pairs
        if (similarity := _similarity(pictures[usable[i]], pictures[usable[j]])) >= MIN_SIMILARITY
    ]
    return sorted(found, key=lambda pair: (pair.second, pair.first))


def _similarity(one: Picture, other: Picture) -> float:
    """Return the best correlation of two thumbnails over the orientations of the second."""
    first = _standardised(_thumbnail(one))
    return max(
        float(np.mean(first * _standardised(turned))) for turned in orientations(_thumbnail(other))
    )


def _equal(one: Picture, other: Picture) -> bool:
    """Return whether the pixels of two images are equal in some orientation."""
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


def firsts(pairs: Sequence[NearDuplicates]) -> Iterator[NearDuplicates]:
    """Yield one pair for each later image: the most similar one, exact ones first."""
    best: dict[int, NearDuplicates] = {}
    for pair in pairs:
        known = best.get(pair.second)
        if known is None or (pair.exact, pair.similarity) > (known.exact, known.similarity):
            best[pair.second] = pair
    yield from best.values()

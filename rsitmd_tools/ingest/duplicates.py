"""Exact and near duplicates: images that must never part in a split."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

BLOCK = 512


def duplicate_groups(
    pixel_hashes: Sequence[str], phashes: Sequence[str], distance: int
) -> list[int | None]:
    """Group images whose pixels are equal or whose perceptual hashes are near.

    Groups are the connected components of that relation.

    Args:
        pixel_hashes: Hash of the normalised pixels of each image.
        phashes: Perceptual hash of 64 bits of each image, 16 hex digits.
        distance: The most bits in which the hashes of near duplicates differ.

    Returns:
        For each image the smallest index in its group, or None where it is alone.
    """
    count = len(phashes)
    if not count:
        return []
    first: dict[str, int] = {}
    pairs = [(first.setdefault(key, index), index) for index, key in enumerate(pixel_hashes)]
    pairs += near_pairs(phashes, distance)
    rows, columns = np.array(pairs).T
    links = coo_array((np.ones(len(pairs), np.int8), (rows, columns)), shape=(count, count))
    _, labels = connected_components(links, directed=False)
    sizes = np.bincount(labels)
    smallest: dict[int, int] = {}
    for index, label in enumerate(labels):
        smallest.setdefault(int(label), index)
    return [smallest[int(label)] if sizes[label] > 1 else None for label in labels]


def near_pairs(phashes: Sequence[str], distance: int) -> list[tuple[int, int]]:
    """Return the pairs ``i < j`` whose hashes differ in at most ``distance`` bits."""
    bits = np.array([int(text, 16) for text in phashes], dtype=np.uint64)
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(bits), BLOCK):
        differing: npt.NDArray[np.uint8] = np.bitwise_count(
            bits[start : start + BLOCK, None] ^ bits[None, start:]
        )
        left, right = np.nonzero(differing <= distance)
        keep = left < right
        pairs += zip((left[keep] + start).tolist(), (right[keep] + start).tolist(), strict=True)
    return pairs

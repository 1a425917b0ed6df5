"""Exact and near duplicates: images that must never part in a split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rsitmd_tools.imaging.perceptual import near_pairs
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import set_duplicate_groups, stored_images


@dataclass(frozen=True, slots=True)
class Duplicates:
    """How many duplicates a workspace holds.

    Attributes:
        images: Images that lie in a group.
        groups: Groups of two or more.
    """

    images: int
    groups: int


def group_duplicates(workspace: Workspace) -> Duplicates:
    """Group exact and near duplicates anew; a group's number is its first image's id."""
    images = stored_images(workspace)
    found = duplicate_groups(
        [image.pixel_sha256 for image in images],
        [image.phash for image in images],
        workspace.settings.split.near_duplicate_distance,
    )
    groups = [None if first is None else images[first].id for first in found]
    changed = [
        (image.id, group)
        for image, group in zip(images, groups, strict=True)
        if group != image.duplicate_group
    ]
    with workspace.transaction() as db:
        set_duplicate_groups(db, changed)
    grouped = [group for group in groups if group is not None]
    return Duplicates(len(grouped), len(set(grouped)))


def duplicate_groups(
    pixel_hashes: Sequence[str], phashes: Sequence[str], distance: int
) -> list[int | None]:
    """Group images whose pixels are equal or whose perceptual hashes are near.

    Groups are the connected components of that relation.

    Args:
        pixel_hashes: Hash of the normalised pixels of each image.
        phashes: Perceptual hashes of each image, see :func:`near_pairs`.
        distance: The most bits in which the hashes of near duplicates differ.

    Returns:
        For each image the smallest index in its group, or None where it is alone.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(phashes)
    if not count:
        return []
    pairs = _equal_pairs(pixel_hashes)
    # Equal hashes are compared once: thousands of empty tiles would give millions of pairs.
    pairs += _equal_pairs(phashes)
    first: dict[str, int] = {}
    for index, key in enumerate(phashes):
        first.setdefault(key, index)
    home = list(first.values())
    pairs += ((home[i], home[j]) for i, j in near_pairs(list(first), distance))
    rows, columns = np.array(pairs).T
    links = coo_array((np.ones(len(pairs), np.int8), (rows, columns)), shape=(count, count))
    _, labels = connected_components(links, directed=False)
    sizes = np.bincount(labels)
    smallest: dict[int, int] = {}
    for index, label in enumerate(labels):
        smallest.setdefault(int(label), index)
    return [smallest[int(label)] if sizes[label] > 1 else None for label in labels]


def _equal_pairs(keys: Sequence[str]) -> list[tuple[int, int]]:
    """Pair each index with the first that has the same key."""
    first: dict[str, int] = {}
    return [(first.setdefault(key, index), index) for index, key in enumerate(keys)]

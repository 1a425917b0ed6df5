"""Exact and near duplicates: images that must be in the same split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rsitmd_tools.imaging.perceptual import near_pairs
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import (
    count_duplicates,
    last_image,
    set_duplicate_groups,
    stored_images,
)

FACT = "duplicates"


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Number of duplicates in a workspace.

    Attributes:
        images: Images that are in a group.
        groups: Groups of two or more images.
    """

    images: int
    groups: int


def group_duplicates(workspace: Workspace) -> Duplicates:
    """Find the groups of exact and near duplicates; a group has the id of its first image.

    Removed images count too, so that a duplicate of a removed test image does not become a
    training image. Without new images, the groups are those of the last time.
    """
    distance = workspace.settings.split.near_duplicate_distance
    state = f"distance {distance}, image {last_image(workspace)}"
    if workspace.fact(FACT) == state:
        return Duplicates(*count_duplicates(workspace))
    images = stored_images(workspace, removed=True)
    found = duplicate_groups(
        [image.pixel_sha256 for image in images],
        [image.phash for image in images],
        distance,
    )
    groups = [None if first is None else images[first].id for first in found]
    changed = [
        (image.id, group)
        for image, group in zip(images, groups, strict=True)
        if group != image.duplicate_group
    ]
    with workspace.transaction() as db:
        set_duplicate_groups(db, changed)
        workspace.set_fact(FACT, state)
    grouped = [group for group in groups if group is not None]
    return Duplicates(len(grouped), len(set(grouped)))


def duplicate_groups(
    pixel_hashes: Sequence[str], phashes: Sequence[str], distance: int
) -> list[int | None]:
    """Group images with equal pixels or similar perceptual hashes.

    Groups are the connected components of that relation.

    Args:
        pixel_hashes: Hash of the normalised pixels of each image.
        phashes: Perceptual hashes of each image, see :func:`near_pairs`.
        distance: Maximum number of different bits in the hashes of near duplicates.

    Returns:
        For each image the smallest index in its group, or None if it has no duplicate.
    """
    count = len(phashes)
    if not count:
        return []
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = _equal_pairs(pixel_hashes)
    # Equal hashes are compared once, because thousands of empty tiles have millions of pairs.
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
    """Pair each index with the first index that has the same key."""
    first: dict[str, int] = {}
    return [(first.setdefault(key, index), index) for index, key in enumerate(keys)]

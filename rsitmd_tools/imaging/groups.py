"""Groups of images that are related by pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class GroupCount:
    """Number of images in groups.

    Attributes:
        images: Images that are in a group.
        groups: Groups of two or more images.
    """

    images: int
    groups: int

    @classmethod
    def of(cls, groups: Sequence[int | None]) -> Self:
        """Count the groups of images; None is an image without a group."""
        grouped = [group for group in groups if group is not None]
        return cls(len(grouped), len(set(grouped)))


def components(count: int, pairs: Iterable[tuple[int, int]]) -> list[int | None]:
    """Return the connected components of a relation.

    Args:
        count: Number of items.
        pairs: Pairs of indices of related items.

    Returns:
        For each index the smallest index of its component, or None if it is alone.
    """
    parents = list(range(count))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parents[high] = low
    roots = [root(index) for index in range(count)]
    sizes = Counter(roots)
    return [first if sizes[first] > 1 else None for first in roots]


def spanning_pairs(
    count: int, parts: Iterable[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]
) -> list[tuple[int, int]]:
    """Return fewer pairs that have the same connected components.

    Args:
        count: Number of items.
        parts: Indices of related items, in parts, because all pairs may not fit in memory.

    Returns:
        Fewer than ``count`` pairs.
    """
    parents = np.arange(count)
    for ones, others in parts:
        # Most pairs are in one component already.
        ends = np.sort(np.stack([parents[ones], parents[others]], axis=1), axis=1)
        links = np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0).tolist()
        if not links:
            continue
        for one, other in links:
            while one != parents[one]:
                one = parents[one]
            while other != parents[other]:
                other = parents[other]
            parents[max(one, other)] = min(one, other)
        while (parents != (above := parents[parents])).any():
            parents = above
    return [(first, index) for index, first in enumerate(parents.tolist()) if first != index]


def in_one_group(groups: Sequence[int | None], one: int, other: int) -> bool:
    """Return whether two items are in one of the groups that :func:`components` found."""
    return groups[one] is not None and groups[one] == groups[other]

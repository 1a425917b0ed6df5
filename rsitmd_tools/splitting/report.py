"""What an assignment of images to splits or folds reports."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from rsitmd_tools.splitting.assign import Item
from rsitmd_tools.splitting.grouping import Grouping


@dataclass(frozen=True, slots=True)
class Deviation:
    """The largest difference between a split and its share of a category.

    Attributes:
        category: The category; empty if whole categories are assigned.
        split: The split.
        images: Number of images of the category in the split.
        share: Number that its share would be.
    """

    category: str
    split: str
    images: int
    share: float


@dataclass(frozen=True, slots=True)
class LargeGroup:
    """A group with more images than the smallest split should have.

    Attributes:
        image: File name of its first image.
        images: Number of images of the group.
        split: The split that it got.
    """

    image: str
    images: int
    split: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What the reports of splits and folds have in common. A part is a split or a fold.

    Attributes:
        placed: Number of images that got a part, or a different one.
        seed: The requested seed.
        kept_together: Number of images in groups of duplicates, or of images of one place.
        same_place: Number of images in spatial groups.
        parted: Number of groups of duplicates, or of images of one place, in several parts, because
            their images were assigned before the pairs were found.
        parted_places: Number of spatial groups in several parts, because their images were
            assigned before the groups were found.
        parted_captions: Number of groups of images that share a sentence in several parts,
            because their images keep an earlier part.
        parted_wholes: Number of scenes or categories in several parts, for the same reason.
        deviation: The largest deviation from the shares within a category.
        large_groups: The groups in one part that are larger than the smallest part should be.
        by: What is never parted.
    """

    placed: int
    seed: int
    kept_together: int
    same_place: int
    parted: int
    parted_places: int
    parted_captions: int
    parted_wholes: int
    deviation: Deviation | None
    large_groups: tuple[LargeGroup, ...]
    by: str

    @classmethod
    def of(
        cls,
        groups: Grouping,
        shares: Mapping[str, float],
        assigned: Mapping[str, str],
        /,  # a subclass can have an attribute of the same name
        *,
        placed: int,
        seed: int,
        by: str,
        **more: Any,
    ) -> Self:
        """Return the report of an assignment.

        Args:
            groups: The images with their groups.
            shares: Share of each part.
            assigned: Part by file name.
            placed: As the attribute.
            seed: As the attribute.
            by: As the attribute.
            more: The attributes of a subclass.
        """
        parted = groups.parted(assigned)
        return cls(
            placed=placed,
            seed=seed,
            kept_together=len(groups.pairs),
            same_place=len(groups.tiles),
            parted=parted.pairs,
            parted_places=parted.tiles,
            parted_captions=parted.captions,
            parted_wholes=parted.wholes,
            deviation=deviation_of(groups.items, shares, assigned),
            large_groups=large_groups_of(groups.items, shares, assigned),
            by=by,
            **more,
        )


def deviation_of(
    items: Sequence[Item], shares: Mapping[str, float], assigned: Mapping[str, str]
) -> Deviation | None:
    """Return the largest deviation from the shares within a category."""
    count = Counter((item.category, assigned[item.name]) for item in items)
    total = Counter(item.category for item in items)
    found = [
        Deviation(category, name, count[category, name], share * total[category])
        for category in sorted(total)
        for name, share in shares.items()
    ]
    return max(found, key=lambda entry: abs(entry.images - entry.share), default=None)


def large_groups_of(
    items: Sequence[Item], shares: Mapping[str, float], assigned: Mapping[str, str]
) -> tuple[LargeGroup, ...]:
    """Return the groups in one split that are larger than the smallest split should be."""
    least = min(share for share in shares.values() if share > 0) * len(items)
    sizes = Counter(item.group for item in items)
    homes: dict[str, set[str]] = defaultdict(set)
    for item in items:
        homes[item.group].add(assigned[item.name])
    return tuple(
        LargeGroup(group, size, *homes[group])
        for group, size in sizes.most_common()
        if size > max(least, 1) and len(homes[group]) == 1
    )

"""``build split``: assign the images of a workspace to train, val and test."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rsitmd_tools.dataset.records import SPLITS
from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of
from rsitmd_tools.ingest.duplicates import group_duplicates
from rsitmd_tools.ingest.groups import places_current
from rsitmd_tools.ingest.spatial import group_places
from rsitmd_tools.splitting import relations
from rsitmd_tools.splitting.assign import Item, assign_splits
from rsitmd_tools.splitting.relations import (
    CATEGORY,
    FOOTPRINT,
    GROUP,
    Groups,
    caption_groups,
    pair_groups,
    tile_groups,
    whole_groups,
)
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import clear_removed_splits, former_names_of, removed_splits
from rsitmd_tools.workspace.images import StoredImage, set_splits, stored_images
from rsitmd_tools.workspace.settings import RELATIONS

FACT = "split"


@dataclass(frozen=True, slots=True)
class SplitReport:
    """The result of a split.

    Attributes:
        images: Number of images by split.
        placed: Number of images that got a split, or a different one.
        shares: The requested shares.
        seed: The requested seed.
        kept_together: Number of images in groups of duplicates, or of images of one place.
        parted: Number of these groups in several splits, because their images were assigned
            before the pairs were found.
        settings_changed: Whether images keep splits that were assigned with other shares or
            another seed.
        same_place: Number of images in spatial groups.
        parted_places: Number of spatial groups in several splits, because their images were
            assigned before the groups were found.
        keep_together: The relations of images that the split keeps together.
        places_searched: Whether all images were searched for pairs of one place.
        deviation: The largest deviation from the shares within a category.
        large_groups: The groups that are larger than the smallest split should be.
    """

    images: dict[str, int]
    placed: int
    shares: dict[str, float]
    seed: int
    kept_together: int
    parted: int
    settings_changed: bool
    same_place: int = 0
    parted_places: int = 0
    keep_together: tuple[str, ...] = RELATIONS
    places_searched: bool = False
    deviation: Deviation | None = None
    large_groups: tuple[LargeGroup, ...] = ()


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


def split(
    workspace: Workspace,
    shares: Mapping[str, float] | None = None,
    seed: int | None = None,
    reassign: bool = False,
    exclude: Path | None = None,
    block: float | None = None,
    by: str = GROUP,
    keep: Path | None = None,
) -> SplitReport:
    """Assign the images that have no split yet. Running it again changes nothing.

    Images keep their split, because a test image of an earlier release must never become a
    training image of a later one. Use ``reassign`` to assign all images again.

    Args:
        workspace: A workspace opened for writing.
        shares: Share of each split; by default those of ``rsitmd.toml``.
        seed: Random seed; by default that of ``rsitmd.toml``.
        reassign: Assign all images again.
        exclude: A list of images that must not be used for training, from
            ``rsitmd validate --against``. They and the images of their groups are moved to test.
        block: Side of the blocks of spatial groups in metres, which is recorded; 0 for no blocks.
            By default the recorded one.
        by: What is never parted: ``group`` (the relations of ``keep_together``), also ``scene``
            (all tiles of a scene) or ``category``.
        keep: An older release, whose test images and the images of their groups are put into test.

    Raises:
        RsitmdError: There are no images, or not enough for each split, or ``exclude`` or
            ``keep`` cannot be read.
        WrongUsage: The shares do not sum to 1.
    """
    settings = workspace.settings.split
    shares = _checked(shares or {name: float(getattr(settings, name)) for name in SPLITS})
    seed = settings.seed if seed is None else seed
    kinds = settings.keep_together
    stored, items, pairs, tiles = grouped(workspace, block, by)
    if by == CATEGORY:  # nothing to stratify
        items = [replace(item, category="") for item in items]
    before = {image.filename: image.split for image in stored if image.split}
    kept = {} if reassign else before | _with_removed(workspace, stored, before, pairs)
    if exclude is not None:
        kept = kept | _to_test(workspace, items, _excluded(workspace, exclude))
    if keep is not None:
        kept = kept | _to_test(workspace, items, _test_images(keep))
    assigned = assign_splits(items, shares, seed, kept)
    images = Counter(assigned.values())
    _refuse_empty(workspace, items, shares, images, placed=bool(before) and not reassign)
    changed = [(name, home) for name, home in assigned.items() if before.get(name) != home]
    requested = json.dumps({"shares": shares, "seed": seed}, sort_keys=True)
    recorded = workspace.fact(FACT)
    with workspace.transaction() as db:
        set_splits(db, changed)
        if reassign:
            clear_removed_splits(db)
        if reassign or not before:
            workspace.set_fact(FACT, requested)
    return SplitReport(
        images={name: images[name] for name in SPLITS},
        placed=len(changed),
        shares=shares,
        seed=seed,
        kept_together=len(pairs),
        parted=parted_groups({i.filename: pairs.get(i.id) for i in stored}, assigned),
        settings_changed=bool(before) and not reassign and recorded not in (None, requested),
        same_place=len(tiles),
        parted_places=parted_groups({i.filename: tiles.get(i.id) for i in stored}, assigned),
        keep_together=kinds,
        places_searched=places_current(workspace),
        deviation=deviation_of(items, shares, assigned),
        large_groups=large_groups_of(items, shares, assigned),
    )


def grouped(
    workspace: Workspace, block: float | None, by: str
) -> tuple[list[StoredImage], list[Item], Groups, Groups]:
    """Find the groups of images that are never parted.

    Args:
        workspace: A workspace opened for writing.
        block: As for :func:`split`.
        by: As for :func:`split`.

    Returns:
        The images, the images with their groups, the groups of pairs, and the spatial groups.

    Raises:
        RsitmdError: There are no images.
        WrongUsage: ``block`` has no effect.
    """
    kinds = workspace.settings.split.keep_together
    _refuse_unused_block(block, kinds)
    group_duplicates(workspace)
    group_places(workspace, block)
    stored = stored_images(workspace)
    if not stored:
        raise RsitmdError(
            "has no images",
            where=workspace.path,
            hint=f"run: rsitmd build ingest {workspace.path} FOLDER_OF_IMAGES",
        )
    pairs, tiles = pair_groups(workspace, kinds), tile_groups(workspace, kinds)
    wholes = whole_groups(workspace, stored, by)
    captions = caption_groups(workspace, stored, kinds)
    items = relations.items(workspace, stored, pairs, tiles, captions, wholes)
    return stored, items, pairs, tiles


def _with_removed(
    workspace: Workspace, stored: Sequence[StoredImage], before: Mapping[str, str], pairs: Groups
) -> dict[str, str]:
    """Return the split of new images that are duplicates of a removed image with a split.

    An earlier release may contain the removed image.
    """
    homes = {pairs.get(row, row): split for row, split in removed_splits(workspace).items()}
    held = {pairs.get(image.id) for image in stored if image.filename in before}
    return {
        image.filename: homes[pairs[image.id]]
        for image in stored
        if image.filename not in before
        and pairs.get(image.id) in homes
        and pairs.get(image.id) not in held
    }


def _excluded(workspace: Workspace, file: Path) -> set[str]:
    """Return the file names of an exclusion list."""
    from rsitmd_tools.dataset.exclusions import read_exclusions
    from rsitmd_tools.formats import load_dataset

    return set(read_exclusions(file, load_dataset(workspace.path, "workspace")))


def _test_images(release: Path) -> set[str]:
    """Return the file names of the test images of a release."""
    from rsitmd_tools.formats import load_dataset

    names = {image.filename for image in load_dataset(release) if image.split == "test"}
    if not names:
        raise RsitmdError(
            "has no test images", where=release, hint="use --keep with a release that was split"
        )
    return names


def _to_test(workspace: Workspace, items: Sequence[Item], names: set[str]) -> dict[str, str]:
    """Return the split test for images, under their former names too, and for their groups."""
    former = former_names_of(workspace)
    names = names | {former[name] for name in names if name in former}
    groups = {item.group for item in items if item.name in names}
    return {item.name: "test" for item in items if item.group in groups}


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
    """Return the groups that are larger than the smallest split should be."""
    least = min(share for share in shares.values() if share > 0) * len(items)
    sizes = Counter(item.group for item in items)
    return tuple(
        LargeGroup(group, size, assigned[next(i.name for i in items if i.group == group)])
        for group, size in sizes.most_common()
        if size > max(least, 1)
    )


def _refuse_unused_block(block: float | None, kinds: Sequence[str]) -> None:
    if block and FOOTPRINT not in kinds:
        raise WrongUsage(
            "--block has no effect without `footprint` in keep_together",
            hint='add "footprint" to keep_together in [split] of rsitmd.toml',
        )


def _checked(shares: Mapping[str, float]) -> dict[str, float]:
    values = {name: float(shares.get(name, 0.0)) for name in SPLITS}
    total = sum(values.values())
    # Written so that nan is refused.
    if not (abs(total - 1) <= 1e-6 and min(values.values()) >= 0):
        raise WrongUsage(
            f"the shares {', '.join(f'{share:g}' for share in values.values())} sum to {total:g}",
            hint="use shares of train, val and test that sum to 1",
        )
    return values


def _refuse_empty(
    workspace: Workspace,
    items: Sequence[Item],
    shares: Mapping[str, float],
    images: Counter[str],
    *,
    placed: bool,
) -> None:
    empty = [name for name, share in shares.items() if share > 0 and not images[name]]
    if empty:
        groups = len({item.group for item in items})
        raise RsitmdError(
            f"too few images ({count_of(len(items), 'image')} in {count_of(groups, 'group')}): "
            f"{' and '.join(empty)} would be empty",
            where=workspace.path,
            hint="use --reassign to assign all images again, or set the share of the empty split"
            " to 0"
            if placed
            else "ingest more images, or set the share of the empty split to 0",
        )


def parted_groups(groups: Mapping[str, int | None], assigned: Mapping[str, str]) -> int:
    """Return the number of groups in several splits."""
    homes: dict[int, set[str]] = defaultdict(set)
    for name, group in groups.items():
        if group is not None:
            homes[group].add(assigned[name])
    return sum(len(splits) > 1 for splits in homes.values())

"""The groups of images that a split or folds keep together, and those that are parted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.ingest.duplicates import group_duplicates
from rsitmd_tools.ingest.spatial import group_places
from rsitmd_tools.splitting import relations
from rsitmd_tools.splitting.assign import Item
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
from rsitmd_tools.workspace.empty import no_images
from rsitmd_tools.workspace.images import StoredImage, stored_images

BY_FACT = "split_by"  # what is never parted


class Parted(NamedTuple):
    """Numbers of groups in several splits, by relation.

    Attributes:
        pairs: Groups of pairs.
        tiles: Spatial groups.
        captions: Groups of images that share a sentence.
        wholes: Scenes or categories.
    """

    pairs: int
    tiles: int
    captions: int
    wholes: int


@dataclass(frozen=True, slots=True)
class Grouping:
    """The images of a workspace with their groups.

    Attributes:
        stored: The images.
        items: The images with the groups of all relations together.
        known: The same for all images, removed ones too.
        pairs: The groups of pairs.
        tiles: The spatial groups.
        captions: The images that share a sentence.
        wholes: The images of one scene or category.
    """

    stored: Sequence[StoredImage]
    items: Sequence[Item]
    known: Sequence[Item]
    pairs: Groups
    tiles: Groups
    captions: Groups
    wholes: Groups

    def parted(self, assigned: Mapping[str, str]) -> Parted:
        """Count the groups in several splits.

        Args:
            assigned: Split by file name.
        """
        homes = {image.id: assigned[image.filename] for image in self.stored}
        each = (self.pairs, self.tiles, self.captions, self.wholes)
        return Parted(*(_parted(groups, homes) for groups in each))


def grouped(workspace: Workspace, block: float | None, by: str) -> Grouping:
    """Find the groups of images that are never parted.

    Args:
        workspace: A workspace opened for writing.
        block: As for :func:`rsitmd_tools.splitting.split`.
        by: As for :func:`rsitmd_tools.splitting.split`.

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
        raise no_images(workspace)
    pairs, tiles = pair_groups(workspace, kinds), tile_groups(workspace, kinds)
    captions = caption_groups(workspace, kinds)
    wholes = whole_groups(workspace, by)
    every = stored_images(workspace, removed=True)
    known = relations.items(workspace, every, pairs, tiles, captions, wholes)
    kept = {image.filename for image in stored}
    items = [item for item in known if item.name in kept]
    if by == CATEGORY:  # nothing to stratify
        items = [replace(item, category="") for item in items]
    return Grouping(stored, items, known, pairs, tiles, captions, wholes)


def recorded_by(workspace: Workspace) -> str:
    """Return the recorded unit that is never parted; ``group`` if none is recorded."""
    return workspace.fact(BY_FACT) or GROUP


def record_by(workspace: Workspace, by: str) -> None:
    """Record the unit that is never parted. Call it inside a transaction."""
    if by != recorded_by(workspace):
        workspace.set_fact(BY_FACT, by)


def _refuse_unused_block(block: float | None, kinds: Sequence[str]) -> None:
    if block and FOOTPRINT not in kinds:
        raise WrongUsage(
            "--block has no effect without `footprint` in keep_together",
            hint='add "footprint" to keep_together in [split] of rsitmd.toml',
        )


def _parted(groups: Groups, homes: Mapping[int, str]) -> int:
    """Return the number of groups in several splits; removed images have none."""
    found: dict[int, set[str]] = defaultdict(set)
    for row, group in groups.items():
        if row in homes:
            found[group].add(homes[row])
    return sum(len(splits) > 1 for splits in found.values())

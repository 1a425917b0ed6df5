"""The relations of images that a split keeps together: pairs, and places of tiles."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from rsitmd_tools.imaging.groups import components
from rsitmd_tools.splitting.assign import Item
from rsitmd_tools.text.fold import folded
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import StoredImage, stored_images
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.pairs import decisions, linked, stored_pairs
from rsitmd_tools.workspace.scenes import image_places, spatial_groups
from rsitmd_tools.workspace.settings import CAPTION

FOOTPRINT = "footprint"
GROUP, SCENE, CATEGORY = WHOLES = ("group", "scene", "category")
Groups = Mapping[int, int]  # row of an image -> row of the first image of its group


def pair_groups(workspace: Workspace, kinds: Collection[str]) -> Groups:
    """Return the groups of images that are linked by pairs of some kinds.

    Removed images count: one can be the only link between two images. A person's corrections
    count for all kinds.
    """
    rows = [image.id for image in stored_images(workspace, removed=True)]
    position = {row: index for index, row in enumerate(rows)}
    links = linked(stored_pairs(workspace), decisions(workspace), kinds)
    found = components(len(rows), ((position[a], position[b]) for a, b in sorted(links)))
    return {row: rows[first] for row, first in zip(rows, found, strict=True) if first is not None}


def tile_groups(workspace: Workspace, kinds: Collection[str]) -> Groups:
    """Return the spatial groups, which are empty unless ``footprint`` is one of the kinds."""
    return spatial_groups(workspace) if FOOTPRINT in kinds else {}


def caption_groups(workspace: Workspace, kinds: Collection[str]) -> Groups:
    """Return the images that share a sentence; nothing unless ``caption`` is one of the kinds.

    Sentences of removed images do not count.
    """
    if CAPTION not in kinds:
        return {}
    stored = stored_images(workspace)
    position = {image.filename: index for index, image in enumerate(stored)}
    first: dict[str, int] = {}
    links = [
        (first.setdefault(text, position[image.filename]), position[image.filename])
        for image in merged_images(workspace)
        if image.filename in position
        for text in map(folded, image.captions)
        if text
    ]
    found = components(len(stored), links)
    return {
        image.id: stored[group].id
        for image, group in zip(stored, found, strict=True)
        if group is not None
    }


def whole_groups(workspace: Workspace, by: str) -> Groups:
    """Return the images of one scene or category as groups; nothing for ``group``.

    Removed images count: an earlier release can have one.
    """
    keys: dict[int, str] = {}
    if by == CATEGORY:
        keys = {image.id: image.category for image in stored_images(workspace, removed=True)}
    elif by == SCENE:
        placed = image_places(workspace, removed=True)
        keys = {place.image_id: place.scene.sha256 for place in placed if place.scene is not None}
    first: dict[str, int] = {}
    return {row: first.setdefault(key, row) for row, key in keys.items()}


def items(workspace: Workspace, stored: Sequence[StoredImage], *relations: Groups) -> list[Item]:
    """Return the images with their groups: the union of the groups of all relations.

    A removed image can be the first one of a group, or the only link between two images.
    """
    known = stored_images(workspace, removed=True)
    position = {image.id: index for index, image in enumerate(known)}

    def links() -> Iterator[tuple[int, int]]:
        for groups in relations:
            for row, first in groups.items():
                yield position[first], position[row]

    groups = components(len(known), links())
    first_names = {
        image.id: known[index if first is None else first].filename
        for index, (image, first) in enumerate(zip(known, groups, strict=True))
    }
    return [Item(image.filename, image.category, first_names[image.id]) for image in stored]

"""Exact and near duplicates in a workspace: images that must be in the same split."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rsitmd_tools.imaging.groups import GroupCount, components
from rsitmd_tools.imaging.pairs import EXACT, NEAR, Fingerprint, image_pairs
from rsitmd_tools.imaging.perceptual import grey_thumbnail
from rsitmd_tools.imaging.pixels import open_image
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.ingest.places import image_file
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import (
    StoredImage,
    count_duplicates,
    last_image,
    set_duplicate_groups,
    stored_images,
)
from rsitmd_tools.workspace.pairs import (
    StoredPair,
    add_pairs,
    add_thumbnails,
    clear_pairs,
    decisions,
    linked,
    stored_pairs,
    thumbnails,
)

FACT = "duplicates"
METHOD = 4  # a workspace whose pairs were found by an earlier method is compared again
CHUNK = 32


def group_duplicates(workspace: Workspace, *, again: bool = False) -> GroupCount:
    """Find the exact and near duplicates, and group them; a group has the id of its first image.

    Removed images count too, so that a duplicate of a removed test image does not become a
    training image. Only pairs with a new image are compared. Without new images and corrections,
    the groups are those of the last time. Images of one place that were found are grouped too.

    Args:
        workspace: A workspace opened for writing.
        again: Form the groups again, because pairs were stored.
    """
    state = {
        "method": METHOD,
        "distance": workspace.settings.split.near_duplicate_distance,
        "image": last_image(workspace),
        "decision": len(decisions(workspace)),
    }
    before = _state(workspace)
    if state == before and not again:
        return GroupCount(*count_duplicates(workspace))
    images = stored_images(workspace, removed=True)
    same_method = all(state[key] == before.get(key) for key in ("method", "distance"))
    checked = before.get("image", 0) if same_method else 0
    found = _new_pairs(workspace, images, checked)
    with workspace.transaction() as db:
        if not same_method:
            clear_pairs(db, (EXACT, NEAR))
        add_pairs(db, found)
    return _group(workspace, images, state)


def _group(
    workspace: Workspace, images: Sequence[StoredImage], state: Mapping[str, int]
) -> GroupCount:
    position = {image.id: index for index, image in enumerate(images)}
    links = linked(stored_pairs(workspace), decisions(workspace))
    found = components(len(images), ((position[a], position[b]) for a, b in sorted(links)))
    groups = [None if first is None else images[first].id for first in found]
    changed = [
        (image.id, group)
        for image, group in zip(images, groups, strict=True)
        if group != image.duplicate_group
    ]
    with workspace.transaction() as db:
        set_duplicate_groups(db, changed)
        workspace.set_fact(FACT, json.dumps(state, sort_keys=True))
    return GroupCount.of(groups)


def _new_pairs(
    workspace: Workspace, images: Sequence[StoredImage], checked: int
) -> list[StoredPair]:
    """Return the pairs with an image after the row ``checked``."""
    first: dict[str, StoredImage] = {}
    for image in images:
        first.setdefault(image.pixel_sha256, image)
    found = [
        StoredPair(first[image.pixel_sha256].id, image.id, EXACT, 1.0)
        for image in images
        if image.id > checked and first[image.pixel_sha256] is not image
    ]
    kept = _with_thumbnails(workspace, list(first.values()))
    fingerprints = [
        Fingerprint(image_file(workspace, image.filename), grey, image.phash)
        for image, grey in kept
    ]
    since = sum(image.id <= checked for image, _ in kept)
    distance = workspace.settings.split.near_duplicate_distance
    for pair in image_pairs(fingerprints, distance, since=since):
        one, other = kept[pair.first][0].id, kept[pair.second][0].id
        found.append(StoredPair(one, other, pair.kind, pair.similarity))
    return found


def _with_thumbnails(
    workspace: Workspace, images: Sequence[StoredImage]
) -> list[tuple[StoredImage, bytes]]:
    """Return the images with a thumbnail; compute and store those that are missing."""
    known = thumbnails(workspace)
    missing = [image for image in images if image.id not in known]
    paths = [image_file(workspace, image.filename) for image in missing]
    new = {
        image.id: grey
        for image, grey in zip(missing, map_in_order(_thumbnail, paths, chunk=CHUNK), strict=True)
        if grey
    }
    if new:
        with workspace.transaction() as db:
            add_thumbnails(db, new.items())
        known |= new
    return [(image, known[image.id]) for image in images if image.id in known]


def _thumbnail(path: Path) -> bytes:
    """Return the thumbnail of an image; empty if the file is missing or damaged."""
    try:
        return grey_thumbnail(open_image(path))
    except Exception:
        # Decoders raise many types of exceptions for damaged files. Rule I101 reports them.
        return b""


def _state(workspace: Workspace) -> dict[str, int]:
    recorded = workspace.fact(FACT)
    try:
        state = json.loads(recorded or "{}")
    except ValueError:
        return {}  # of an earlier version
    return state if isinstance(state, dict) else {}

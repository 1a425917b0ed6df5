"""Groups of images of one picture or place, which a person can correct."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass

from rsitmd_tools.errors import WrongUsage, command_line
from rsitmd_tools.imaging.groups import components, in_one_group
from rsitmd_tools.imaging.pairs import SAME_PLACE
from rsitmd_tools.imaging.same_place import same_place_pairs
from rsitmd_tools.ingest.duplicates import group_duplicates
from rsitmd_tools.ingest.places import image_file
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import find_image
from rsitmd_tools.workspace.images import last_image, stored_images
from rsitmd_tools.workspace.pairs import (
    JOIN,
    PLACES_FACT,
    SPLIT,
    Map,
    PairDecision,
    StoredPair,
    add_decision,
    add_pairs,
    clear_pairs,
    decisions,
    linked,
    places_searched,
    stored_pairs,
)
from rsitmd_tools.workspace.store import utc_now

__all__ = ["JOIN", "SPLIT", "Group", "GroupPair", "decide", "find_places", "groups"]


@dataclass(frozen=True, slots=True)
class GroupPair:
    """Two images of a group that are linked directly.

    Attributes:
        first: File name.
        second: File name.
        kind: ``exact``, ``near`` or ``same-place``; ``joined`` if a person joined them.
        similarity: 0 to 1; None if a person joined them.
        inliers: Keypoints that agree with the map of ``same-place``; None if found by the pixels.
        overlap: Common share of the ground, 0 to 1, or None.
        map: ``(2, 3)`` map from the first image to the second one, in shares of width and height,
            or None.
    """

    first: str
    second: str
    kind: str
    similarity: float | None
    inliers: int | None = None
    overlap: float | None = None
    map: Map | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Images that are kept in one split.

    Attributes:
        images: File names, in the order in which they were added.
        splits: The splits of these images, without repetition.
        pairs: The pairs that link them.
    """

    images: list[str]
    splits: list[str]
    pairs: list[GroupPair]


def find_places(workspace: Workspace, workers: int | None = None) -> int:
    """Search all images for pairs of one place, and store them in place of earlier ones.

    Args:
        workspace: A workspace opened for writing.
        workers: Number of processes; one per core by default.

    Returns:
        The number of pairs that are not duplicates anyway.

    Raises:
        RsitmdError: OpenCV is not installed.
    """
    group_duplicates(workspace)
    images = stored_images(workspace, removed=True)
    place = {image.id: index for index, image in enumerate(images)}
    duplicates = components(
        len(images),
        (
            (place[pair.first], place[pair.second])
            for pair in stored_pairs(workspace)
            if pair.kind != SAME_PLACE
        ),
    )
    paths = [image_file(workspace, image.filename) for image in images]
    missing = {image.id for image, path in zip(images, paths, strict=True) if not path.exists()}
    square = (workspace.settings.dataset.image_size,) * 2
    # Copies of one picture are paired with the first one only, but all of them are duplicates.
    new = [
        StoredPair(
            *(images[p.first].id, images[p.second].id, SAME_PLACE, p.match.agreement),
            *(p.match.inliers, p.match.overlap, p.match.relative(square, square)),
        )
        for p in same_place_pairs(paths, workers=workers)
        if not in_one_group(duplicates, p.first, p.second)
    ]
    # What was found earlier stays known of images whose files are gone.
    kept = [
        pair
        for pair in stored_pairs(workspace)
        if pair.kind == SAME_PLACE and not missing.isdisjoint((pair.first, pair.second))
    ]
    with workspace.transaction() as db:
        clear_pairs(db, (SAME_PLACE,))
        add_pairs(db, [*kept, *new])
        workspace.set_fact(PLACES_FACT, str(last_image(workspace)))
    group_duplicates(workspace, again=True)
    return len(new)


def places_current(workspace: Workspace) -> bool:
    """Return whether all images were searched for pairs of one place."""
    return places_searched(workspace) == last_image(workspace)


def decide(
    workspace: Workspace,
    decision: str,
    first: str,
    second: str,
    decided_by: str = "",
    note: str = "",
) -> None:
    """Record that two images do, or do not, show the same picture or place.

    Args:
        workspace: A workspace opened for writing.
        decision: ``join`` or ``split``.
        first: File name of an image.
        second: File name of another image.
        decided_by: Name of the person.
        note: The reason.

    Raises:
        RsitmdError: The workspace has no image of this name.
        WrongUsage: Both names are the same, or the images to split are not linked.
    """
    images = [find_image(workspace, name) for name in (first, second)]
    low, high = sorted(image.row for image in images)
    if low == high:
        raise WrongUsage("both images are the same", where=first, hint="pass two images")
    links = linked(stored_pairs(workspace), decisions(workspace))
    if decision == SPLIT and (low, high) not in links:
        raise WrongUsage(
            f"{first} and {second} are not linked directly",
            hint="use --split-pair with a linked pair; to list them, run: "
            + command_line("build", "groups", workspace.path),
        )
    with workspace.transaction() as db:
        add_decision(db, PairDecision(low, high, decision, decided_by, note, utc_now()))
    group_duplicates(workspace)


def groups(workspace: Workspace) -> list[Group]:
    """Return the groups of two or more images, in the order of their first image."""
    images = {image.id: image for image in stored_images(workspace, removed=True)}
    members: dict[int, list[int]] = defaultdict(list)
    for row, image in images.items():
        if image.duplicate_group is not None:
            members[image.duplicate_group].append(row)
    known = {(pair.first, pair.second): pair for pair in stored_pairs(workspace)}
    pairs: dict[int, list[GroupPair]] = defaultdict(list)
    for first, second in sorted(linked(known.values(), decisions(workspace))):
        group = images[first].duplicate_group
        if group is not None:
            pair = known.get((first, second))
            pairs[group].append(
                GroupPair(
                    images[first].filename,
                    images[second].filename,
                    "joined" if pair is None else pair.kind,
                    None if pair is None else round(pair.similarity, 4),
                    *((pair.inliers, pair.overlap, pair.map) if pair is not None else ()),
                )
            )
    return [
        Group(
            [images[row].filename for row in rows],
            sorted({split for row in rows if (split := images[row].split) is not None}),
            pairs[group],
        )
        for group, rows in sorted(members.items())
    ]


@dataclass(frozen=True, slots=True)
class Correction:
    """What a person decided about two images; of several decisions, the last one counts.

    Attributes:
        first: File name of an image.
        second: File name of another image.
        decision: ``join`` or ``split``.
        decided_by: Name of the person, or empty.
        note: The reason, or empty.
        decided_at: When it was decided (ISO 8601, UTC).
    """

    first: str
    second: str
    decision: str
    decided_by: str
    note: str
    decided_at: str


def corrections(workspace: Workspace) -> list[Correction]:
    """Return the corrections of groups, in order of time."""
    names = {image.id: image.filename for image in stored_images(workspace, removed=True)}
    return [
        Correction(
            names[made.first],
            names[made.second],
            made.decision,
            made.decided_by,
            made.note,
            made.decided_at,
        )
        for made in decisions(workspace)
    ]


def groups_document(found: list[Group], made: list[Correction]) -> dict[str, object]:
    """Return the document of ``build groups --json``."""
    return {
        "groups": [asdict(group) for group in found],
        "corrections": [asdict(correction) for correction in made],
    }

"""Images of one place in a dataset: those that a workspace stores, or those of a new search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.imaging.groups import components, in_one_group
from rsitmd_tools.imaging.pairs import SAME_PLACE, ImagePair
from rsitmd_tools.quality.records import PictureOf
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import last_image, stored_images
from rsitmd_tools.workspace.pairs import (
    JOIN,
    Map,
    PairDecision,
    decisions,
    places_searched,
    stored_pairs,
)

OPTION = "use --same-place, which requires the extra geo"


@dataclass(frozen=True, slots=True)
class SamePlace:
    """Two images of one place.

    Attributes:
        first: The earlier image.
        second: The later image.
        agreement: Share of the keypoints in the overlap that agree, or correlation of its pixels;
            None if a person joined them.
        inliers: Number of keypoints that agree with the map; None if found by the pixels.
        overlap: Common share of the ground, 0 to 1, or None.
        map: ``(2, 3)`` map from the first image to the second one, in shares of width and height,
            or None.
    """

    first: ImageRecord
    second: ImageRecord
    agreement: float | None
    inliers: int | None
    overlap: float | None
    map: Map | None


@dataclass(frozen=True, slots=True)
class Places:
    """The images of one place in a dataset.

    Attributes:
        pairs: The pairs that are neither exact nor near duplicates.
        unchecked: Why images were not compared, or None.
    """

    pairs: tuple[SamePlace, ...]
    unchecked: str | None = None


class SharedPlace(NamedTuple):
    """A place that two datasets show.

    Attributes:
        dataset: The other dataset.
        pair: The image of the checked dataset, and that of the other dataset.
    """

    dataset: Dataset
    pair: SamePlace


def search_places(pictures: Sequence[PictureOf], duplicates: Sequence[ImagePair]) -> Places:
    """Search the images of a dataset, which takes minutes for 10 000 images.

    Args:
        pictures: The images.
        duplicates: Their exact and near duplicates, which are left out.

    Raises:
        RsitmdError: OpenCV is not installed.
    """
    from rsitmd_tools.imaging.opencv import load_opencv
    from rsitmd_tools.imaging.same_place import same_place_pairs

    load_opencv()  # the missing extra is named also if there is nothing to compare
    readable = [i for i, entry in enumerate(pictures) if entry.picture.problem is None]
    groups = components(len(pictures), ((pair.first, pair.second) for pair in duplicates))
    found = []
    for pair in same_place_pairs([pictures[i].picture.path for i in readable]):
        earlier, later = readable[pair.first], readable[pair.second]
        if not in_one_group(groups, earlier, later):
            (first, one), (second, other) = pictures[earlier], pictures[later]
            match = pair.match
            found.append(
                SamePlace(
                    *(first, second, match.agreement, match.inliers, match.overlap),
                    map=match.relative(one.size, other.size),
                )
            )
    return Places(tuple(found))


def stored_places(dataset: Dataset) -> Places:
    """Return the pairs that a workspace stores, with the corrections of a person.

    A pair that a person joined counts as one place.
    """
    records = {image.filename: image for image in dataset}
    with Workspace.open(dataset.source) as workspace:
        names = {image.id: image.filename for image in stored_images(workspace)}
        pairs = {(pair.first, pair.second): pair for pair in stored_pairs(workspace)}
        made = {(entry.first, entry.second): entry.decision for entry in decisions(workspace)}
        searched, last = places_searched(workspace), last_image(workspace)
    chosen = {key for key, pair in pairs.items() if pair.kind == SAME_PLACE and key not in made}
    chosen |= {
        key
        for key, decision in made.items()
        if decision == JOIN and (key not in pairs or pairs[key].kind == SAME_PLACE)
    }
    found = []
    for key in sorted(chosen, key=lambda key: (key[1], key[0])):
        first, second = (records.get(names.get(row, "")) for row in key)
        if first is not None and second is not None:
            pair = pairs.get(key)
            values = (
                (None, None, None, None)
                if pair is None
                else (pair.similarity, pair.inliers, pair.overlap, pair.map)
            )
            found.append(SamePlace(first, second, *values))
    return Places(tuple(found), _unsearched(searched, last))


def parted_names(dataset: Dataset) -> frozenset[frozenset[str]]:
    """Return the pairs of file names that a person split; empty unless it is a workspace."""
    if dataset.format != "workspace":
        return frozenset()
    with Workspace.open(dataset.source) as workspace:
        made: list[PairDecision] = decisions(workspace)
        names = {image.id: image.filename for image in stored_images(workspace)}
    last = {(entry.first, entry.second): entry.decision for entry in made}
    return frozenset(
        frozenset((names[first], names[second]))
        for (first, second), decision in last.items()
        if decision != JOIN and first in names and second in names
    )


def _unsearched(searched: int | None, last: int) -> str | None:
    if searched is None:
        return f"images of one place were not searched; {OPTION}"
    if searched != last:
        return f"images were added after the last search for images of one place; {OPTION}"
    return None

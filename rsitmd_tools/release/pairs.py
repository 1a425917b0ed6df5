"""The pairs of images that show one picture or place, by file name."""

from __future__ import annotations

from dataclasses import dataclass

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import stored_images
from rsitmd_tools.workspace.pairs import Map, decisions, linked, stored_pairs

JOINED = "joined"


@dataclass(frozen=True, slots=True)
class VerifiedPair:
    """Two images of one picture or place.

    Attributes:
        images: The file names.
        kind: ``exact``, ``near`` or ``same-place``; ``joined`` if only a person found it.
        similarity: 0 to 1; None for ``joined``.
        inliers: Keypoints that agree with the map; None if found by the pixels.
        overlap: Common share of the ground, 0 to 1, or None.
        map: ``(2, 3)`` map from the first image to the second one, in shares of width and height,
            or None.
    """

    images: tuple[str, str]
    kind: str
    similarity: float | None = None
    inliers: int | None = None
    overlap: float | None = None
    map: Map | None = None


def verified_pairs(workspace: Workspace) -> tuple[VerifiedPair, ...]:
    """Return the pairs of a workspace, after a person's decisions, in the order of file names."""
    names = {image.id: image.filename for image in stored_images(workspace)}
    stored = stored_pairs(workspace)
    links = linked(stored, decisions(workspace))
    found = [
        VerifiedPair(
            (names[pair.first], names[pair.second]),
            pair.kind,
            pair.similarity,
            pair.inliers,
            pair.overlap,
            pair.map,
        )
        for pair in stored
        if (pair.first, pair.second) in links and {pair.first, pair.second} <= names.keys()
    ]
    joined = links - {(pair.first, pair.second) for pair in stored}
    found += [
        VerifiedPair((names[first], names[second]), JOINED)
        for first, second in joined
        if {first, second} <= names.keys()
    ]
    return tuple(sorted(found, key=lambda pair: (pair.images, pair.kind)))

"""How near two splits come to each other: scenes, ground and sentences that both have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.quality.ground import ground_metres
from rsitmd_tools.text.fold import folded

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

SPLIT_PROOF = "split_proof.json"
# The least common part of two footprints, as a share of the smaller one. Less comes from the
# rounding of the coordinates of neighbours.
OVERLAP = 1e-3

Footprints = Mapping[str, "BaseGeometry"]  # in degrees (WGS84), by file name


def shared_scenes(
    first: Iterable[ImageRecord], second: Iterable[ImageRecord], scenes: Mapping[str, str]
) -> int:
    """Return the number of scenes that two splits have tiles of.

    Args:
        first: Images of a split.
        second: Images of another one.
        scenes: The scene of each image by file name; images without one are left out.
    """
    one, other = ({scenes.get(image.filename) for image in part} for part in (first, second))
    return len((one & other) - {None})


def shared_captions(first: Dataset, second: Dataset) -> int:
    """Return the number of sentences that two splits have, without regard to case and spaces."""
    one, other = ({folded(text) for text in part.captions()} - {""} for part in (first, second))
    return len(one & other)


def ground_distance(
    first: Iterable[ImageRecord], second: Iterable[ImageRecord], footprints: Footprints
) -> float | None:
    """Return the distance of the nearest footprints of two splits in metres, 0 if they overlap.

    Args:
        first: Images of a split.
        second: Images of another one.
        footprints: Footprints by file name. Without one in each split, the result is None.
    """
    shapes = [
        [footprints[image.filename] for image in part if image.filename in footprints]
        for part in (first, second)
    ]
    if not all(shapes):
        return None
    return round(ground_metres(*shapes), 1)


def overlapping(
    images: Sequence[ImageRecord], footprints: Footprints
) -> Iterator[tuple[ImageRecord, ImageRecord]]:
    """Yield the pairs of images whose footprints overlap, the earlier image first."""
    placed = [image for image in images if image.filename in footprints]
    if not placed:
        return
    from shapely import STRtree

    shapes = [footprints[image.filename] for image in placed]
    tree = STRtree(shapes)
    for index, shape in enumerate(shapes):
        for other in sorted(tree.query(shape, predicate="intersects").tolist()):
            common = shape.intersection(shapes[other]).area if other < index else 0.0
            if common > OVERLAP * min(shape.area, shapes[other].area):
                yield placed[other], placed[index]


def described(numbers: Mapping[str, Any]) -> str:
    """Return the numbers of two splits as text, such as ``train and test: 3 shared sentences``."""
    from rsitmd_tools.errors import count_of

    parts = [count_of(numbers["shared_scenes"], "shared scene")]
    if numbers["ground_distance"] is not None:
        parts.append(f"{numbers['ground_distance']:.1f} m between the nearest footprints")
    parts.append(count_of(numbers["shared_captions"], "shared sentence"))
    return f"{' and '.join(numbers['splits'])}: {', '.join(parts)}"

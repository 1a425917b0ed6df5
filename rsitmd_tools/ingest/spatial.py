"""Spatial groups: images of one place, which must be in the same split."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.imaging.gdal import close_proj_network
from rsitmd_tools.imaging.groups import GroupCount, components, spanning_pairs
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import last_image
from rsitmd_tools.workspace.scenes import (
    ImagePlace,
    count_places,
    count_spatial,
    image_places,
    place_in_known_scenes,
    set_spatial_groups,
)

BLOCK_FACT = "spatial_block"
STATE_FACT = "spatial_groups"  # what the recorded groups were made of
# The least common part of two footprints, as a share of the smaller one. Less comes from the
# rounding of the coordinates of neighbours.
OVERLAP = 1e-3
PART = 200  # shapes that are compared with all others at once
_BLOCK = re.compile(r"(\d+(?:\.\d+)?)\s*(m|km)?", re.ASCII)

Pairs = list[tuple[int, int]]
Meeting = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]


def parse_block(text: str) -> float:
    """Return the side of a block in metres.

    Args:
        text: A length, such as ``1km`` or ``500m``; without a unit it is in metres. ``0`` means
            no blocks.

    Raises:
        WrongUsage: It is not a length of at least one metre.
    """
    match = _BLOCK.fullmatch(text.strip().lower())
    metres = float(match[1]) * (1000 if match[2] == "km" else 1) if match else -1.0
    if metres and not 1 <= metres <= 1e7:
        raise WrongUsage(
            f"--block {text!r} is not a length", hint="use a length such as 500m or 1km"
        )
    return metres


def recorded_block(workspace: Workspace) -> float:
    """Return the recorded side of the blocks in metres; 0 for no blocks."""
    return float(workspace.fact(BLOCK_FACT) or 0)


def group_places(workspace: Workspace, block: float | None = None) -> GroupCount:
    """Find the spatial groups; a group has the id of its first image.

    Removed images count too. Without new images, the groups are those of the last time.

    Args:
        workspace: A workspace opened for writing.
        block: Side of the blocks in metres, which is recorded; 0 for no blocks. By default the
            recorded one.
    """
    if block is None:
        block = recorded_block(workspace)
    place_in_known_scenes(workspace)
    state = f"block {block:g}, image {last_image(workspace)}, places {count_places(workspace)}"
    if workspace.fact(STATE_FACT) == state:
        return GroupCount(*count_spatial(workspace))
    places = [p for p in image_places(workspace, removed=True) if p.window is not None]
    found = spatial_groups(places, block)
    groups = [None if first is None else places[first].image_id for first in found]
    changed = [
        (place.image_id, group)
        for place, group in zip(places, groups, strict=True)
        if group != place.group
    ]
    with workspace.transaction() as db:
        set_spatial_groups(db, changed)
        workspace.set_fact(STATE_FACT, state)
        if block or workspace.fact(BLOCK_FACT) is not None:
            workspace.set_fact(BLOCK_FACT, f"{block:g}")
    return GroupCount.of(groups)


def spatial_groups(places: Sequence[ImagePlace], block: float = 0.0) -> list[int | None]:
    """Group images whose windows in a scene, footprints or blocks are common.

    Groups are the connected components of these relations.

    Args:
        places: Images with a window.
        block: Side of the blocks in metres; 0 for no blocks.

    Returns:
        For each image the smallest index in its group, or None if it is alone.
    """
    if not places:
        return []
    pairs = _window_pairs(places) + _footprint_pairs(places)
    if block:
        pairs += _block_pairs(places, block)
    return components(len(places), pairs)


def _window_pairs(places: Sequence[ImagePlace]) -> Pairs:
    """Return the pairs whose windows in one scene have pixels in common."""
    from shapely import box

    scenes: dict[str, list[int]] = defaultdict(list)
    for index, place in enumerate(places):
        if place.scene is not None:
            scenes[place.scene.sha256].append(index)
    pairs: Pairs = []
    for members in scenes.values():
        if len(members) == 1:
            continue
        windows = np.array([places[index].window for index in members], np.float64)
        low, high = windows[:, :2], windows[:, :2] + windows[:, 2:]
        # A quarter of a pixel inside, so that windows that only touch are apart.
        shapes = box(*(low + 0.25).T, *(high - 0.25).T)
        found = spanning_pairs(len(members), _meeting(shapes))
        pairs += [(members[one], members[other]) for one, other in found]
    return pairs


def _footprint_pairs(places: Sequence[ImagePlace]) -> Pairs:
    """Return the pairs whose footprints overlap, apart from those of one scene.

    These overlap where their windows do.
    """
    from shapely import area, intersection
    from shapely.geometry import shape

    members = [index for index, place in enumerate(places) if place.footprint is not None]
    numbers: dict[str, int] = {}
    scenes = np.array([_scene_number(places[index], numbers) for index in members], np.int64)
    if len(scenes) and scenes[0] >= 0 and np.all(scenes == scenes[0]):
        return []
    shapes = np.array([shape(places[index].footprint) for index in members], dtype=object)
    areas = area(shapes)

    def overlapping() -> Iterator[Meeting]:
        for ones, others in _meeting(shapes):
            apart = (scenes[ones] != scenes[others]) | (scenes[ones] < 0)
            one, other = ones[apart], others[apart]
            common = area(intersection(shapes[one], shapes[other]))
            enough = common > OVERLAP * np.minimum(areas[one], areas[other])
            yield one[enough], other[enough]

    found = spanning_pairs(len(members), overlapping())
    return [(members[one], members[other]) for one, other in found]


def _scene_number(place: ImagePlace, numbers: dict[str, int]) -> int:
    """Return a number of the scene of an image; -1 for an image without a recorded scene."""
    if place.scene is None:
        return -1
    return numbers.setdefault(place.scene.sha256, len(numbers))


def _meeting(shapes: Any) -> Iterator[Meeting]:
    """Yield the pairs of shapes that have a point in common, the smaller index first.

    With a small stride, a tile overlaps hundreds of others. So they come in parts.
    """
    from shapely import STRtree

    tree = STRtree(shapes)
    for start in range(0, len(shapes), PART):
        ones, others = tree.query(shapes[start : start + PART], predicate="intersects")
        ones = ones + start
        yield ones[ones < others], others[ones < others]


def _block_pairs(places: Sequence[ImagePlace], block: float) -> Pairs:
    """Pair each image with the first one of its block.

    Blocks are the cells of a grid in the UTM zone of the centre of a footprint. Near the poles
    they are those of UPS.
    """
    from pyproj import Transformer

    close_proj_network()
    first: dict[tuple[int, int, int], int] = {}
    pairs: Pairs = []
    by_zone: dict[int, list[tuple[int, float, float]]] = defaultdict(list)
    for index, place in enumerate(places):
        if place.footprint is not None:
            lon, lat = _centre(place.footprint)
            by_zone[_zone(lon, lat)].append((index, lon, lat))
    for zone, members in sorted(by_zone.items()):
        to_metres = Transformer.from_crs(4326, zone, always_xy=True)
        lons, lats = zip(*((lon, lat) for _, lon, lat in members), strict=True)
        xs, ys = to_metres.transform(lons, lats)
        for (index, _, _), x, y in zip(members, xs, ys, strict=True):
            cell = (zone, math.floor(x / block), math.floor(y / block))
            pairs.append((first.setdefault(cell, index), index))
    return pairs


def _centre(footprint: dict[str, object]) -> tuple[float, float]:
    """Return the longitude and latitude of the centre of a footprint."""
    from antimeridian import centroid
    from shapely.geometry import shape

    geometry = shape(footprint)
    # The two parts of a footprint at the antimeridian have no common centre in the plane.
    point = geometry.centroid if geometry.geom_type == "Polygon" else centroid(geometry)
    return float(point.x), float(point.y)


def _zone(lon: float, lat: float) -> int:
    """Return the EPSG code of the UTM zone or of UPS."""
    if lat > 84:
        return 32661
    if lat < -80:
        return 32761
    number = min(60, max(1, math.floor((lon + 180) / 6) + 1))
    return (32600 if lat >= 0 else 32700) + number

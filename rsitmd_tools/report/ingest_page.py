"""``build ingest --html``: a self-contained page with a map of the footprints and the images."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.imaging.groups import components
from rsitmd_tools.report.data import pictures
from rsitmd_tools.templates import page_templates
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.scenes import ImagePlace, image_places

MOST_PICTURES = 240
MOST_SHAPES = 5000
MOST_MAPS = 8
MOST_REJECTED = 500
WIDTH, HEIGHT, MARGIN = 900.0, 520.0, 14.0
COLOURS = 8  # classes of the style sheet

Ring = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Shape:
    """A footprint on a map.

    Attributes:
        name: What is shown when the pointer is on it.
        points: The points of an SVG polygon.
        colour: Number of its category's colour.
    """

    name: str
    points: str
    colour: int


@dataclass(frozen=True, slots=True)
class Map:
    """The footprints of one area.

    Attributes:
        shapes: The footprints.
        height: Height of the picture; its width is :data:`WIDTH`.
        bounds: West, south, east and north as text.
        images: Number of images in the area, those without a shape too.
    """

    shapes: Sequence[Shape]
    height: float
    bounds: str
    images: int


def render(folder: Path, report: Mapping[str, Any]) -> str:
    """Return the page, which loads no external resources and runs no script.

    Args:
        folder: The workspace.
        report: The result of the ingest, as ``--json`` prints it.
    """
    with Workspace.open(folder) as workspace:
        places = image_places(workspace)
        name = workspace.settings.dataset.name
    categories = Counter(place.category for place in places)
    colours = {category: n % COLOURS for n, category in enumerate(sorted(categories))}
    chosen = _spread([place.filename for place in places], MOST_PICTURES)
    areas = maps(places, colours)
    return (
        page_templates("rsitmd_tools.report")
        .get_template("ingest.html")
        .render(
            version=__version__,
            name=name,
            report=report,
            rejected=report["rejected"][:MOST_REJECTED],
            images=len(places),
            placed=sum(place.footprint is not None for place in places),
            sizes=_sizes(places),
            categories=sorted(categories.items()),
            colours=colours,
            maps=areas[:MOST_MAPS],
            more_maps=len(areas[MOST_MAPS:]),
            width=WIDTH,
            chosen=chosen,
            pictures=pictures(load_dataset(folder, "workspace"), chosen),
        )
    )


def maps(places: Sequence[ImagePlace], colours: Mapping[str, int]) -> list[Map]:
    """Return a map for each area that has footprints, the one with most images first.

    Footprints in neighbouring cells of one degree are one area.

    Args:
        places: The images.
        colours: Number of the colour of each category.
    """
    rings = [
        (place, ring)
        for place in places
        if place.footprint is not None
        for ring in _rings(place.footprint)
    ]
    areas: dict[int, list[tuple[ImagePlace, Ring]]] = {}
    for entry, area in zip(rings, _areas([ring for _, ring in rings]), strict=True):
        areas.setdefault(area, []).append(entry)
    found = [_map(members, colours) for members in areas.values()]
    return sorted(found, key=lambda area: -area.images)


def _map(members: Sequence[tuple[ImagePlace, Ring]], colours: Mapping[str, int]) -> Map:
    longitudes = [lon for _, ring in members for lon, _ in ring]
    latitudes = [lat for _, ring in members for _, lat in ring]
    west, east, south, north = min(longitudes), max(longitudes), min(latitudes), max(latitudes)
    # A degree of longitude is shorter, away from the equator.
    narrow = max(0.05, math.cos(math.radians((south + north) / 2)))
    wide, high = max((east - west) * narrow, 1e-9), max(north - south, 1e-9)
    scale = min((WIDTH - 2 * MARGIN) / wide, (HEIGHT - 2 * MARGIN) / high)
    left = (WIDTH - wide * scale) / 2

    def points(ring: Ring) -> str:
        return " ".join(
            f"{left + (lon - west) * narrow * scale:.1f},{MARGIN + (north - lat) * scale:.1f}"
            for lon, lat in ring
        )

    shapes = [
        Shape(place.filename, points(ring), colours[place.category])
        for place, ring in _spread(members, MOST_SHAPES)
    ]
    bounds = f"{_degrees(west, 'E', 'W')} to {_degrees(east, 'E', 'W')}, "
    bounds += f"{_degrees(south, 'N', 'S')} to {_degrees(north, 'N', 'S')}"
    images = len({place.filename for place, _ in members})
    return Map(shapes, high * scale + 2 * MARGIN, bounds, images)


def _areas(rings: Sequence[Ring]) -> list[int]:
    """Return the number of the area of each ring."""
    first: dict[tuple[int, int], int] = {}
    pairs = []
    for index, ring in enumerate(rings):
        lon, lat = ring[0]
        cell = (math.floor(lon), math.floor(lat))
        pairs.append((first.setdefault(cell, index), index))
    for (column, row), index in first.items():
        for step in ((0, 1), (1, 0), (1, 1), (1, -1)):
            other = first.get((column + step[0], row + step[1]))
            if other is not None:
                pairs.append((index, other))
    found = components(len(rings), pairs)
    return [index if area is None else area for index, area in enumerate(found)]


def _rings(footprint: Mapping[str, Any]) -> list[Ring]:
    polygons = footprint["coordinates"]
    polygons = [polygons] if footprint["type"] == "Polygon" else polygons
    return [[(point[0], point[1]) for point in polygon[0]] for polygon in polygons]


def _spread(items: Sequence[Any], most: int) -> list[Any]:
    """Return at most ``most`` items, from all parts of a sequence."""
    if len(items) <= most:
        return list(items)
    return [items[index * len(items) // most] for index in range(most)]


def _sizes(places: Sequence[ImagePlace]) -> str:
    """Return the range of ground sample distances as text; empty if none is known."""
    sizes = [place.gsd for place in places if place.gsd is not None]
    if not sizes:
        return ""
    low, high = min(sizes), max(sizes)
    return f"{low:.3g} m" if low == high else f"{low:.3g} to {high:.3g} m"


def _degrees(value: float, positive: str, negative: str) -> str:
    return f"{abs(value):.4f}° {positive if value >= 0 else negative}"

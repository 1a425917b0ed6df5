"""The side of a pixel of a released image on the ground."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from rsitmd_tools.workspace.scenes import ImagePlace

# WGS84: half of the longer axis in metres, and the eccentricity.
RADIUS = 6_378_137.0
ECCENTRICITY = 0.0818191908426
# Recorded distances can be those of a projection, which differ a little from the ground.
AGREE = 0.02


def resolution_of(place: ImagePlace, size: int) -> float | None:
    """Return the side of a pixel of an image in metres, or None if it is not known.

    The recorded distance is that of the scene, or of the tile if the scenes were brought to one
    resolution (``--gsd``). The area of the footprint tells which.

    Args:
        place: The place of the image.
        size: Side of the image in pixels.
    """
    if place.gsd is None or place.window is None:
        return None
    of_scene = place.gsd * place.window[2] / size
    area = 0.0 if place.footprint is None else _area(place.footprint)
    if not area:
        return of_scene
    measured = math.sqrt(area) / size
    best = min((of_scene, place.gsd), key=lambda side: abs(side - measured))
    # Tiles of one resolution can have been resized to another one.
    return best if abs(best / measured - 1) < AGREE else float(f"{measured:.3g}")


def _area(footprint: dict[str, Any]) -> float:
    """Return the area of a GeoJSON polygon, or of several, in square metres."""
    polygons = footprint["coordinates"]
    if footprint["type"] == "Polygon":
        polygons = [polygons]
    return sum(_ring_area(polygon[0]) for polygon in polygons)


def _ring_area(ring: list[list[float]]) -> float:
    """Return the area of a closed ring of longitudes and latitudes on the ellipsoid."""
    total = 0.0
    for (west, south), (east, north) in pairwise(ring):
        total += math.radians(east - west) * (_above_equator(south) + _above_equator(north)) / 2
    return abs(total)


def _above_equator(latitude: float) -> float:
    """Return the area between the equator and a latitude, for one radian of longitude."""
    sine = math.sin(math.radians(latitude))
    part = ECCENTRICITY * sine
    shape = sine / (1 - part**2) + math.atanh(part) / ECCENTRICITY
    return RADIUS**2 * (1 - ECCENTRICITY**2) * shape / 2

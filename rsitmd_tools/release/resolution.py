"""The side of a pixel of a released image on the ground."""

from __future__ import annotations

import math
from typing import Any

from rsitmd_tools.extras import require
from rsitmd_tools.quality.ground import WGS84
from rsitmd_tools.workspace.scenes import ImagePlace

# Recorded distances can be those of a projection, which differ a little from the ground.
AGREE = 0.02


def resolution_of(place: ImagePlace, size: int) -> float | None:
    """Return the side of a pixel of an image in metres, or None if it is not known.

    The recorded distance is that of the scene, or of the tile if the scenes were brought to one
    resolution (``--gsd``). The area of the footprint tells which.

    Args:
        place: The place of the image.
        size: Side of the image in pixels.

    Raises:
        RsitmdError: A library of the extra ``geo`` is missing.
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
    require("pyproj", "shapely")  # as for the footprints that the release contains
    from pyproj import Geod
    from shapely.geometry import shape

    area, _ = Geod(ellps=WGS84).geometry_area_perimeter(shape(footprint))
    return abs(float(area))

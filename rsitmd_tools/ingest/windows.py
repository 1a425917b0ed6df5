"""The windows of tiles: a regular grid over a scene, or given places."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.imaging.limits import MIN_SIDE
from rsitmd_tools.ingest.footprints import WGS84, Georeference
from rsitmd_tools.workspace.scenes import Window

Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Places:
    """The places of a GeoJSON file.

    Attributes:
        crs: CRS of the coordinates.
        points: The points of each place: one for a point, those of the rings for a polygon.
    """

    crs: Any
    points: tuple[Points, ...]


def starts(length: int, side: int, stride: int) -> list[int]:
    """Return where the tiles of one axis start.

    Without gaps between the tiles, the last one is shifted to end at the edge: it overlaps the
    one before instead of reaching over the edge. With gaps (a stride above the side), no tile is
    added at the edge, so that none overlap.

    Args:
        length: Length of the axis in pixels.
        side: Side of a tile in pixels.
        stride: Distance of two starts in pixels.
    """
    if length < side:
        return []
    found = list(range(0, length - side + 1, stride))
    if stride <= side and found[-1] + side < length:
        found.append(length - side)
    return found


def grid(width: int, height: int, side: int, stride: int) -> Iterator[list[Window]]:
    """Yield the rows of a grid of square tiles, from top to bottom.

    Args:
        width: Width of the scene in pixels.
        height: Height of the scene in pixels.
        side: Side of a tile in pixels.
        stride: Distance of neighbouring tiles in pixels.
    """
    columns = starts(width, side, stride)
    for row in starts(height, side, stride):
        yield [(column, row, side, side) for column in columns]


def read_places(path: Path) -> Places:
    """Read the places of a GeoJSON file: points and polygons.

    Coordinates are WGS84, or in the CRS that the member ``crs`` names.

    Raises:
        RsitmdError: The file cannot be read, is not GeoJSON, or has other geometries.
    """
    document = read_json(path)
    crs = named_crs(document, path)
    try:
        points = tuple(_points(geometry) for geometry in geometries(document))
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise RsitmdError(
            "is not GeoJSON with points and polygons", where=path, hint="check its geometries"
        ) from error
    if not points:
        raise RsitmdError("has no places", where=path, hint="add points or polygons")
    return Places(crs, points)


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        RsitmdError: It cannot be read, or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=path, hint="check the path"
        ) from error
    except (ValueError, RecursionError) as error:
        raise RsitmdError(
            f"is not JSON ({reason(error)})", where=path, hint="pass a GeoJSON file"
        ) from error


def named_crs(document: Any, path: Path) -> Any:
    """Return the CRS of a GeoJSON document: that of its member ``crs``, or WGS84.

    Raises:
        RsitmdError: The CRS is unknown.
    """
    from rasterio.crs import CRS
    from rasterio.errors import RasterioError

    try:
        named = document.get("crs") if isinstance(document, dict) else None
        return CRS.from_user_input(WGS84 if not named else named["properties"]["name"])
    except (RasterioError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise RsitmdError(
            "has an unknown CRS", where=path, hint='use a name such as "EPSG:32617"'
        ) from error


def place_windows(
    places: Places, georeferenced: Georeference, width: int, height: int, side: int | None
) -> tuple[list[Window], frozenset[int]]:
    """Return the windows of places in a scene, each once.

    A point is the centre of a square of ``side`` pixels. A polygon gives the square around its
    bounding box in the scene. A square that reaches over an edge is shifted inside.

    Args:
        places: The places.
        georeferenced: The georeference of the scene.
        width: Width of the scene in pixels.
        height: Height of the scene in pixels.
        side: Side of the squares of points; None leaves points out.

    Returns:
        The windows from top to bottom, and the numbers of the places that give one. A place gives
        none if its centre is outside the scene, or if the square is larger than the scene or
        smaller than 16 pixels.
    """
    found: set[Window] = set()
    taken: set[int] = set()
    for number, points in enumerate(places.points):
        pixels = georeferenced.pixels(points, places.crs)
        window = None
        if pixels is not None:
            low, high = pixels.min(axis=0), pixels.max(axis=0)
            window = _square(low, high, width, height, side)
        if window is not None:
            found.add(window)
            taken.add(number)
    return sorted(found, key=lambda window: (window[1], window[0], window[2])), frozenset(taken)


def _square(low: Any, high: Any, width: int, height: int, side: int | None) -> Window | None:
    column, row = ((low + high) / 2).tolist()
    extent = float(np.max(high - low))
    length = max(1, math.floor(extent + 0.5)) if extent else side
    inside = 0 <= column < width and 0 <= row < height
    if length is None or not inside or not MIN_SIDE <= length <= min(width, height):
        return None
    left = min(max(0, math.floor(column - length / 2 + 0.5)), width - length)
    top = min(max(0, math.floor(row - length / 2 + 0.5)), height - length)
    return left, top, length, length


def geometries(document: Any) -> Iterator[dict[str, Any]]:
    """Yield the geometries of a GeoJSON document, one by one those of collections and points.

    Raises:
        LookupError, TypeError, AttributeError, RecursionError: It is not GeoJSON.
    """
    kind = document["type"]
    if kind == "FeatureCollection":
        for feature in document["features"]:
            yield from geometries(feature)
    elif kind == "Feature":
        if document["geometry"] is not None:
            yield from geometries(document["geometry"])
    elif kind == "GeometryCollection":
        for geometry in document["geometries"]:
            yield from geometries(geometry)
    elif kind == "MultiPoint":
        for position in document["coordinates"]:
            yield {"type": "Point", "coordinates": position}
    else:
        yield document


def _points(geometry: dict[str, Any]) -> Points:
    kind, coordinates = geometry["type"], geometry["coordinates"]
    if kind == "Point":
        positions: Iterable[Any] = [coordinates]
    elif kind == "Polygon":
        positions = coordinates[0]
    elif kind == "MultiPolygon":
        positions = [position for polygon in coordinates for position in polygon[0]]
    else:
        raise ValueError(kind)
    points = [(float(position[0]), float(position[1])) for position in positions]
    if not points or not all(math.isfinite(value) for point in points for value in point):
        raise ValueError("no finite coordinates")
    return points

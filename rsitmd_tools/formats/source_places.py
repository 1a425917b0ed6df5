"""The places of the images of a release: from ``images.csv`` and ``stac.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.formats.image_list import IMAGE_LIST, MANIFEST, ListedImage, read_image_list
from rsitmd_tools.workspace.scenes import SourcePlace, Window, distant_scene

STAC = "stac.json"
# Prefix of the properties of the STAC items that only this tool writes.
PREFIX = "rsitmd:"
MOST = 1e9  # of degrees and metres
_SHA256 = re.compile(r"[0-9a-f]{64}")
_HINT = "get a complete copy of the release"


def read_source_places(folder: Path) -> dict[str, SourcePlace]:
    """Read where the images of a release lie in their sources and on the ground.

    An image has a place if ``images.csv`` has its window, or ``stac.json`` an item of it.

    Args:
        folder: The folder of a release, or any other folder.

    Returns:
        The places by file name; empty if the folder is not a release or has none of the two files.

    Raises:
        RsitmdError: A file cannot be read or is malformed.
    """
    # Other folders can have tables and items of these names.
    if not (folder / MANIFEST).is_file():
        return {}
    listed: dict[str, ListedImage] = {}
    if (folder / IMAGE_LIST).is_file():
        listed = {image.filename: image for image in read_image_list(folder / IMAGE_LIST)}
    items = _items(folder / STAC) if (folder / STAC).is_file() else {}
    found = {}
    for name, image in listed.items():
        if image.window and name not in items:
            where = f"{folder / IMAGE_LIST}: {name}"
            scene = distant_scene(_sha256(image.source_sha256, where), image.source)
            found[name] = SourcePlace(scene, source_window(image.window.split(" "), where))
    for name, item in items.items():
        found[name] = _placed(item, f"{folder / STAC}: {name}")
    return found


def _items(file: Path) -> dict[str, Mapping[str, Any]]:
    """Return the STAC items by the file name of their image."""
    try:
        features = json.loads(file.read_text(encoding="utf-8"))["features"]
        return {str(item["properties"][f"{PREFIX}image"]): item for item in features}
    except (OSError, ValueError, RecursionError) as error:
        raise RsitmdError(f"cannot be read ({reason(error)})", where=file, hint=_HINT) from error
    except (KeyError, TypeError) as error:
        raise RsitmdError("is not a STAC file of a release", where=file, hint=_HINT) from error


def _placed(item: Mapping[str, Any], where: str) -> SourcePlace:
    properties = item["properties"]

    def of(name: str) -> Any:
        return properties.get(PREFIX + name)

    scene = distant_scene(
        _sha256(of("source_sha256"), where),
        _text(of("source"), where) or "",
        crs=_text(of("crs"), where),
        acquired=_time(of("acquired"), where),
        mtime_ns=_written(properties.get("end_datetime"), where),
    )
    window = source_window([of(name) for name in ("col", "row", "width", "height")], where)
    gsd = of("gsd")
    if gsd is not None and not (_is_number(gsd) and gsd > 0):
        raise _malformed("the ground sample distance", where)
    return SourcePlace(scene, window, _footprint(item.get("geometry"), where), gsd)


def source_window(values: list[Any], where: str) -> Window:
    """Return ``(col, row, width, height)``.

    Args:
        values: The four numbers, or texts of them.
        where: What has the window, for errors.

    Raises:
        RsitmdError: They are not the window of a raster.
    """
    try:
        numbers = [int(str(value)) for value in values]
        column, row, width, height = numbers
    except ValueError as error:
        raise _malformed("the window", where) from error
    # A table of SQLite holds numbers of 63 bits; no raster has a side of so many pixels.
    if min(column, row) < 0 or min(width, height) < 1 or max(numbers) >= 2**31:
        raise _malformed("the window", where)
    return column, row, width, height


def _footprint(geometry: Any, where: str) -> dict[str, Any]:
    """Return a GeoJSON polygon, or several polygons, with positions that exist."""
    try:
        kind, coordinates = geometry["type"], geometry["coordinates"]
        polygons = {"Polygon": [coordinates], "MultiPolygon": coordinates}[kind]
        for polygon in polygons:
            for ring in polygon:
                if len(ring) < 4 or ring[0] != ring[-1]:
                    raise ValueError("a ring is not closed")
                for lon, lat in ring:
                    known = _is_number(lon) and _is_number(lat)
                    if not (known and abs(lon) <= 180 and abs(lat) <= 90):
                        raise ValueError("a position does not exist")
        if not polygons or not all(polygons):
            raise ValueError("a polygon has no ring")
        _check_shape(geometry)
    except (KeyError, TypeError, ValueError) as error:
        raise _malformed("the footprint", where) from error
    return {"type": kind, "coordinates": coordinates}


def _time(value: Any, where: str) -> str | None:
    """Return a time with its time zone, ISO 8601."""
    if value is not None:
        try:
            if datetime.fromisoformat(value).tzinfo is None:
                raise ValueError("no time zone")
        except (TypeError, ValueError) as error:
            raise _malformed("a time", where) from error
    return None if value is None else str(value)


def _written(value: Any, where: str) -> int:
    """Return the latest time at which the source can have been written, in nanoseconds."""
    time = _time(value, where)
    if time is None:
        return 0
    seconds = int(datetime.fromisoformat(time).timestamp())
    # A table of SQLite holds numbers of 63 bits.
    if not 0 <= seconds * 10**9 < 2**63:
        raise _malformed("a time", where)
    return seconds * 10**9


def _check_shape(geometry: Any) -> None:
    """Check that a footprint has an area and does not cross itself: groups of places need it.

    Raises:
        ValueError: It has none, or it does.
    """
    try:
        from shapely.geometry import shape
    except ImportError:
        return  # without the extra geo, no footprint is compared
    found = shape(geometry)
    if not (found.is_valid and found.area > 0):
        raise ValueError("it crosses itself or has no area")


def _sha256(value: Any, where: str) -> str:
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise _malformed("the checksum of the source", where)
    return value


def _text(value: Any, where: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _malformed("a property", where)
    return value


def _is_number(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) < MOST  # infinite and NaN are not


def _malformed(what: str, where: str) -> RsitmdError:
    return RsitmdError(f"{what} is malformed", where=where, hint=_HINT)

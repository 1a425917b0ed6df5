"""The polygons against which a map is measured: GeoJSON, or the ``anno.json`` of SeLo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.errors import RsitmdError, count_of
from rsitmd_tools.imaging.raster import Raster
from rsitmd_tools.ingest.footprints import Georeference, georeference
from rsitmd_tools.ingest.windows import geometries, named_crs, read_json

Points = npt.NDArray[np.float64]  # (n, 2): x, y in pixels of the scene
ROUNDING = 0.01  # pixels by which rounded coordinates can be outside of the scene
NOT_POLYGONS = (LookupError, TypeError, ValueError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Polygon:
    """A polygon in pixels of the scene.

    Attributes:
        outline: ``(n, 2)``: x, y, the first vertex not repeated at the end.
        holes: The same of each hole.
    """

    outline: Points
    holes: tuple[Points, ...] = ()

    def geometry(self, step: float = 1) -> dict[str, Any]:
        """Return the polygon as GeoJSON, in pixels of a map."""
        rings = [ring / step for ring in (self.outline, *self.holes)]
        return {
            "type": "Polygon",
            "coordinates": [[*ring.tolist(), ring[0].tolist()] for ring in rings],
        }


@dataclass(frozen=True)
class Truth:
    """The polygons of a query.

    Attributes:
        source: The file.
        polygons: At least one.
        notes: What a user should know of them.
    """

    source: Path
    polygons: tuple[Polygon, ...]
    notes: tuple[str, ...] = ()

    def mask(self, shape: tuple[int, ...], step: int = 1) -> npt.NDArray[np.bool_]:
        """Return which pixels of a map have their centre in a polygon, ``(H, W) bool``."""
        from rasterio.features import rasterize

        inside = np.zeros(shape, np.bool_)
        for polygon in self.polygons:
            inside |= rasterize([polygon.geometry(step)], shape, dtype="uint8").astype(np.bool_)
        return inside


def read_truth(path: Path, scene: Path, raster: Raster, text: str) -> Truth:
    """Read the polygons of a query.

    GeoJSON is in WGS84 or the CRS that its member ``crs`` names; for a scene without a CRS its
    coordinates are pixels. In an ``anno.json``, the entries of the scene's file name and the
    sentence count; their coordinates are pixels.

    Args:
        path: The file.
        scene: The file of the scene.
        raster: The scene.
        text: The sentence.

    Raises:
        RsitmdError: The file is neither, has no polygon for the query, has an unknown CRS or one
            that the scene has not, or a polygon is outside of the scene.
    """
    document = read_json(path)
    if isinstance(document, list):
        polygons = _published(document, path, scene, text)
    else:
        polygons = _geojson(document, path, raster)
    if not polygons:
        raise RsitmdError("has no polygons", where=path, hint="add polygons")
    in_pixels = isinstance(document, list) or georeference(raster) is None
    notes = tuple(_checked(polygons, path, raster, in_pixels))
    return Truth(path, tuple(polygons), notes)


def _published(document: Sequence[Any], path: Path, scene: Path, text: str) -> list[Polygon]:
    try:
        of_scene = [entry for entry in document if entry["jpg_name"] == scene.name]
        asked = [entry for entry in of_scene if _plain(entry["caption"]) == _plain(text)]
        polygons = [_polygon([ring]) for entry in asked for ring in entry["points"]]
    except NOT_POLYGONS as error:
        raise RsitmdError(
            "is neither GeoJSON nor an anno.json of SeLo",
            where=path,
            hint="each entry needs jpg_name, caption and points",
        ) from error
    if not asked:
        known = [str(entry["caption"]).strip() for entry in of_scene]
        hint = f'use one of its sentences, such as --text "{known[0]}"' if known else (
            "name the scene as one of its images, such as "
            + str(document[0]["jpg_name"] if document else "0.jpg")
        )  # fmt: skip
        what = "has no entry with this sentence for" if known else "has no entry for"
        raise RsitmdError(f"{what} {scene.name}", where=path, hint=hint)
    return polygons


def _plain(text: str) -> str:
    """Return a sentence without what differs between copies: case, spaces, the last stop."""
    return " ".join(text.lower().split()).rstrip(" .")


def _geojson(document: Any, path: Path, raster: Raster) -> list[Polygon]:
    placed = georeference(raster)
    if placed is None and isinstance(document, dict) and document.get("crs"):
        raise RsitmdError(
            "names a CRS, but the scene has none",
            where=path,
            hint="use pixels of the scene and remove the member crs",
        )
    crs = None if placed is None else named_crs(document, path)
    try:
        given = [_polygon(rings) for geometry in geometries(document) for rings in _rings(geometry)]
    except NOT_POLYGONS as error:
        raise RsitmdError(
            "is not GeoJSON with polygons", where=path, hint="check its geometries"
        ) from error
    if placed is None:
        return given
    return [_in_pixels(polygon, n, placed, crs, path) for n, polygon in enumerate(given, 1)]


def _rings(geometry: dict[str, Any]) -> Iterator[list[Any]]:
    if geometry["type"] == "Polygon":
        yield geometry["coordinates"]
    elif geometry["type"] == "MultiPolygon":
        yield from geometry["coordinates"]
    else:
        raise ValueError(geometry["type"])


def _polygon(rings: Sequence[Any]) -> Polygon:
    """Return a polygon of rings, each of at least three different vertices.

    Raises:
        ValueError, TypeError, IndexError: The rings are malformed.
    """
    found = []
    for ring in rings:
        points = np.array([[float(x) for x in position[:2]] for position in ring], np.float64)
        if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
            raise ValueError("no finite coordinates")
        if len(points) > 1 and (points[0] == points[-1]).all():
            points = points[:-1]
        if len(np.unique(points, axis=0)) < 3:
            raise ValueError("fewer than three vertices")
        found.append(points)
    return Polygon(found[0], tuple(found[1:]))


def _in_pixels(
    polygon: Polygon, number: int, placed: Georeference, crs: Any, path: Path
) -> Polygon:
    rings = []
    for ring in (polygon.outline, *polygon.holes):
        pixels = placed.pixels([(x, y) for x, y in ring.tolist()], crs)
        if pixels is None:
            raise RsitmdError(
                f"polygon {number} cannot be transformed to the CRS of the scene",
                where=path,
                hint='name the CRS of its coordinates in the member "crs"',
            )
        rings.append(pixels)
    return Polygon(rings[0], tuple(rings[1:]))


def _checked(
    polygons: Sequence[Polygon], path: Path, raster: Raster, in_pixels: bool
) -> Iterator[str]:
    """Yield notes on polygons.

    Raises:
        RsitmdError: A polygon is outside of the scene.
    """
    from shapely.geometry import box, shape
    from shapely.validation import make_valid

    scene = box(0, 0, raster.width, raster.height)
    around = scene.buffer(ROUNDING, join_style="mitre")
    crossing, reaching = [], []
    for number, polygon in enumerate(polygons, 1):
        drawn = shape(polygon.geometry())
        if not drawn.is_valid:
            crossing.append(str(number))
            drawn = make_valid(drawn)
        if not drawn.intersects(scene):
            raise RsitmdError(
                f"polygon {number} is outside of the scene", where=path, hint=_hint(in_pixels)
            )
        if not around.covers(drawn):
            reaching.append(str(number))
    if crossing:
        yield (
            f"{path.name}: {count_of(len(crossing), 'polygon')} with edges that cross "
            f"({', '.join(crossing)}): inside is what an odd number of edges surrounds"
        )
    if reaching:
        yield (
            f"{path.name}: {count_of(len(reaching), 'polygon')} partly outside of the scene "
            f"({', '.join(reaching)}): only the part inside counts as area"
        )


def _hint(in_pixels: bool) -> str:
    """Return what to do about a polygon outside of the scene."""
    if in_pixels:
        return "use pixels of the scene as coordinates"
    return 'name the CRS of its coordinates in the member "crs"; without it they are WGS84'

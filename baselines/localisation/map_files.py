"""The files of a located query: a picture, a heat map with a georeference, and the windows."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from rsitmd_tools import __version__
from rsitmd_tools.atomic import atomic_path, check_writable, write_json
from rsitmd_tools.baselines.localisation.locate import Location, opened_scene
from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of
from rsitmd_tools.imaging.gdal import safe_gdal
from rsitmd_tools.ingest.footprints import Georeference

PICTURE = 1600  # longest side of the picture in pixels
OPACITY = 0.5  # of the colours over the scene
SHADES = 4096  # colours in the table: each channel is within 1 of the exact value
COMPRESSION = 3  # of PNG: half of the time of Pillow's 6, and files a tenth larger
# Dark to light in luminance, readable without colour: points of matplotlib's "inferno".
COLOURS = (
    (0, 0, 4), (27, 12, 65), (74, 12, 107), (120, 28, 109), (165, 44, 96),
    (207, 68, 70), (237, 105, 37), (251, 155, 6), (247, 209, 61), (252, 255, 164),
)  # fmt: skip

Pixels = npt.NDArray[np.uint8]


def check_targets(targets: Sequence[Path], sources: Sequence[Path] = ()) -> None:
    """Check the names and folders of files before a long computation.

    Args:
        targets: The files to write.
        sources: Files that are read, which must not be overwritten.

    Raises:
        WrongUsage: A suffix is unknown.
        RsitmdError: A file is one that is read, or a folder cannot be written to.
    """
    read = {source.resolve() for source in sources}
    for target in targets:
        _writer(target)
        if target.resolve() in read:
            raise RsitmdError(
                "is read, and would be overwritten", where=target, hint="use another name for -o"
            )
        check_writable(target.parent, "choose a folder you may write to")


def write_maps(found: Location, targets: Sequence[Path], scene_crs: bool = False) -> list[str]:
    """Write files of a result, each by its suffix.

    Args:
        found: The result.
        targets: ``.png``, ``.tif``, ``.tiff`` or ``.geojson`` files.
        scene_crs: Whether the windows are written in the CRS of the scene instead of WGS84.

    Returns:
        Notes for the user.

    Raises:
        WrongUsage: A suffix is unknown.
        RsitmdError: A file cannot be written, or the scene cannot be read any more.
    """
    return [note for target in targets for note in _writer(target)(found, target, scene_crs)]


def _writer(target: Path) -> Callable[[Location, Path, bool], Iterator[str]]:
    writer = _WRITERS.get(target.suffix.lower())
    if writer is None:
        raise WrongUsage(
            "unsupported file type",
            where=target.name,
            hint="use -o map.png, -o heat.tif or -o windows.geojson",
        )
    return writer


def _origin(found: Location) -> dict[str, str]:
    """Return what every file says of its origin."""
    return {
        "generator": f"rsitmd-tools {__version__}",
        "text": found.text,
        "scene": found.scene.path.name,
        "scene_sha256": found.scene.sha256,
        "weights_sha256": found.scene.weights,
        "scales": ",".join(map(str, sorted({one.size for one in found.scene.slices}))),
    }


def _write_heat(found: Location, target: Path, _: bool) -> Iterator[str]:
    """Write the map as GeoTIFF: float32, NaN where no slice has data."""
    import rasterio
    from affine import Affine
    from rasterio.crs import CRS

    heat, placed = found.heat, found.scene.placed
    values = np.where(heat.covered, heat.values, np.float32(np.nan))
    place: dict[str, Any] = {}
    if placed is not None and placed.transform is not None:
        transform = Affine(*placed.transform) @ Affine.scale(heat.step)
        place = {"crs": CRS.from_user_input(placed.crs), "transform": transform}
    elif placed is not None:
        yield f"{target.name}: the scene has control points instead of a transform: no CRS"
    with (
        atomic_path(target) as partial,
        safe_gdal(),
        rasterio.open(
            partial,
            "w",
            driver="GTiff",
            width=values.shape[1],
            height=values.shape[0],
            count=1,
            dtype="float32",
            nodata=math.nan,
            compress="deflate",
            tiled=True,
            **place,
        ) as file,
    ):
        file.write(values, 1)
        file.set_band_description(1, "fit of the text, 0 to 1")
        file.update_tags(TIFFTAG_SOFTWARE=f"rsitmd-tools {__version__}", **_origin(found))


def _write_windows(found: Location, target: Path, scene_crs: bool) -> Iterator[str]:
    """Write the best windows as GeoJSON."""
    placed = found.scene.placed
    in_scene = scene_crs and placed is not None and placed.transform is not None
    document: dict[str, Any] = {"type": "FeatureCollection", **_origin(found)}
    if placed is not None and in_scene:
        document["crs"] = {"type": "name", "properties": {"name": _urn(placed.crs)}}
    elif scene_crs and placed is not None:
        yield f"{target.name}: the scene has control points instead of a transform: WGS84"
    windows = [one.window for one in found.windows]
    if placed is None:
        shapes: Sequence[Any] = [_corners(window) for window in windows]
    elif in_scene:
        shapes = [_corners(window, placed) for window in windows]
    else:
        shapes = placed.footprints(windows)
        if lost := sum(shape is None for shape in shapes):
            yield (
                f"{target.name}: {count_of(lost, 'window')} without a place in WGS84; use"
                " --scene-crs to write the CRS of the scene"
            )
    document["features"] = [
        {
            "type": "Feature",
            "geometry": shape,
            "properties": {
                "rank": rank, "score": score, "x": one.x, "y": one.y, "size": one.size,
            },
        }
        for rank, (shape, one, score) in enumerate(
            zip(shapes, found.windows, found.scores, strict=True), 1
        )
    ]  # fmt: skip
    write_json(target, document)


def _urn(crs: str) -> str:
    """Return the name of a CRS that GDAL and QGIS read."""
    return f"urn:ogc:def:crs:EPSG::{crs[5:]}" if crs.startswith("EPSG:") else crs


def _corners(
    window: tuple[int, int, int, int], placed: Georeference | None = None
) -> dict[str, Any]:
    """Return a window as a GeoJSON polygon, in pixels or in the CRS of the scene."""
    x, y, width, height = window
    ring = [(x, y), (x, y + height), (x + width, y + height), (x + width, y), (x, y)]
    if placed is not None and placed.transform is not None:
        a, b, c, d, e, f = placed.transform
        places = [[a * x + b * y + c, d * x + e * y + f] for x, y in ring]
    else:
        places = [[float(x), float(y)] for x, y in ring]
    return {"type": "Polygon", "coordinates": [places]}


def _write_picture(found: Location, target: Path, _: bool) -> Iterator[str]:
    """Draw the map, the best windows and the polygons over the scene."""
    scene = found.scene
    share = min(1.0, PICTURE / max(scene.width, scene.height))
    size = max(1, round(scene.width * share)), max(1, round(scene.height * share))
    options = scene.options
    with opened_scene(scene.path, options) as raster:
        limits = raster.value_range(options.bands)
        pixels, valid = raster.read_rgb(None, size, options.bands, limits)
    heat = found.heat
    part = heat.part(0, 0, scene.width, scene.height)
    picture = Image.fromarray(coloured(pixels, heat.values, heat.covered, part, valid))
    draw = ImageDraw.Draw(picture)
    for polygon in found.truth.polygons if found.truth else ():
        for ring in (polygon.outline, *polygon.holes):
            _outline(draw, [(x * share, y * share) for x, y in ring.tolist()], "#00e5ff")
    # The best window last, so that no other one hides its number.
    for rank, one in reversed(list(enumerate(found.windows, 1))):
        left, top, side = one.x * share, one.y * share, one.size * share
        right, bottom = left + side - 1, top + side - 1
        _outline(draw, [(left, top), (right, top), (right, bottom), (left, bottom)], "white")
        _number(draw, left, top, str(rank), max(12.0, max(size) / 60))
    metadata = PngInfo()
    for key, value in _origin(found).items():
        metadata.add_itxt(key, value)
    with atomic_path(target) as partial:
        picture.save(partial, "PNG", pnginfo=metadata, compress_level=COMPRESSION)
    yield from ()


def coloured(
    pixels: Pixels,
    values: npt.NDArray[np.float32],
    covered: npt.NDArray[np.bool_],
    part: tuple[float, float, float, float] | None = None,
    valid: npt.NDArray[np.bool_] | None = None,
) -> Pixels:
    """Lay the colours of a map over a picture of the scene, where a slice has data.

    Args:
        pixels: ``(H, W, 3) uint8``.
        values: The map, 0 to 1, of any size.
        covered: Its places with data.
        part: The part of the map that the picture shows: its left, upper, right and lower edge in
            pixels of the map. By default the whole map.
        valid: Pixels of the picture with data, ``(H, W)``; by default all. A slice at the edge of
            the data has others too.
    """
    size = pixels.shape[1], pixels.shape[0]
    shades = np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR, part))
    where = np.asarray(Image.fromarray(covered).resize(size, Image.Resampling.NEAREST, part))
    if valid is not None:
        where = where & valid
    mixed = pixels * np.float32(1 - OPACITY)
    mixed += _shades()[np.rint(shades * np.float32(SHADES - 1)).astype(np.intp)]
    np.rint(mixed, out=mixed)
    found = mixed.astype(np.uint8)
    found[~where] = pixels[~where]
    return found


@functools.cache
def _shades() -> npt.NDArray[np.float32]:
    """Return the share of the map in a pixel for values from 0 to 1, ``(SHADES, 3)``."""
    points, values = np.linspace(0, 1, len(COLOURS)), np.linspace(0, 1, SHADES)
    layers = [np.interp(values, points, channel) for channel in np.array(COLOURS, np.float64).T]
    return (np.stack(layers, axis=1) * OPACITY).astype(np.float32)


def _outline(draw: ImageDraw.ImageDraw, ring: list[tuple[float, float]], colour: str) -> None:
    """Draw a closed line that is visible on any ground."""
    closed = [*ring, ring[0]]
    draw.line(closed, fill="black", width=5, joint="curve")
    draw.line(closed, fill=colour, width=2, joint="curve")


def _number(draw: ImageDraw.ImageDraw, left: float, top: float, text: str, size: float) -> None:
    font = ImageFont.load_default(size)
    place = left + 6, top + 4
    box = draw.textbbox(place, text, font=font)
    draw.rectangle((box[0] - 3, box[1] - 3, box[2] + 3, box[3] + 3), fill="black")
    draw.text(place, text, fill="white", font=font)


_WRITERS: dict[str, Callable[[Location, Path, bool], Iterator[str]]] = {
    ".png": _write_picture,
    ".tif": _write_heat,
    ".tiff": _write_heat,
    ".geojson": _write_windows,
}

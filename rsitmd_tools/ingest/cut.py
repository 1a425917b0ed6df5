"""Cutting the tiles of a strip: the part of tiling that runs in parallel."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.atomic import unfinished_name, write_error
from rsitmd_tools.errors import reason
from rsitmd_tools.imaging import resampling
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.options import BandOptions, ValueRange
from rsitmd_tools.imaging.perceptual import grey_thumbnail, perceptual_hashes
from rsitmd_tools.imaging.raster import Raster, open_raster
from rsitmd_tools.imaging.source import Fingerprint
from rsitmd_tools.ingest.footprints import georeference
from rsitmd_tools.ingest.normalise import encode_tiff
from rsitmd_tools.ingest.plan import check_others, check_unchanged
from rsitmd_tools.workspace.scenes import Scene, Window

MAX_READ = 1_000_000  # pixels that are read at once
# A window of more than this many times the size of the image is read at a lower resolution.
REDUCED = 4

Pixels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Strip:
    """Windows of a scene that are cut together.

    Attributes:
        number: Number of the scene in the plan.
        path: The file of the scene.
        scene: What was recorded of it.
        bands: Bands and values.
        limits: The values that become black and white, or None.
        windows: The windows.
        scale: Pixels of the scene in a pixel of a tile, in one direction.
        side: Side of a tile in pixels of the scene. Windows of polygons have other sides, and
            ``scale`` does not apply to them.
        outside: Whether a VRT may read files outside of its folder.
        others: The other files that its SHA-256 covers, before they were hashed.
    """

    number: int
    path: Path
    scene: Scene
    bands: BandOptions
    limits: ValueRange | None
    windows: tuple[Window, ...]
    scale: float = 1.0
    side: int | None = None
    outside: bool = False
    others: Mapping[Path, Fingerprint] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile that was cut.

    Attributes:
        window: Its window.
        file: Temporary file of the normalised image; None if it has too few valid pixels.
        pixel_sha256: SHA-256 of the normalised RGB pixels.
        phash: Perceptual hashes.
        thumbnail: Grey values from which they were computed.
        footprint: GeoJSON geometry in WGS84, or None.
        gsd: Ground sample distance in metres, or None.
    """

    window: Window
    file: str | None = None
    pixel_sha256: str = ""
    phash: str = ""
    thumbnail: bytes = b""
    footprint: dict[str, Any] | None = None
    gsd: float | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """The tiles of a strip.

    Attributes:
        tiles: The tiles, in the order of the windows.
        problem: Why the strip could not be read, or None.
    """

    tiles: tuple[Tile, ...] = ()
    problem: str | None = None


def cut(strip: Strip, folder: Path, size: int, min_valid: float) -> Cut:
    """Read, resize, hash, encode and write the tiles of a strip.

    The files get temporary names, because their numbers depend on the tiles before them. They are
    not synced: :class:`GroupCommit` syncs many at once.

    Args:
        strip: The windows and their scene.
        folder: Folder of the temporary files.
        size: Side length of the images in pixels.
        min_valid: Least share of valid pixels.

    Raises:
        RsitmdError: The folder cannot be written to.
    """
    tiles: list[Tile] = []
    try:
        with open_raster(strip.path, strip.outside) as raster:
            placed = georeference(raster)
            none = [None] * len(strip.windows)
            prints = placed.footprints(strip.windows) if placed else none
            sizes = placed.gsds(strip.windows) if placed else none
            thumbnails: list[bytes] = []
            read = _read(raster, strip, size)
            for expected, footprint, gsd, (window, pixels, valid) in zip(
                strip.windows, prints, sizes, read, strict=True
            ):
                assert window == expected
                if np.count_nonzero(valid) < min_valid * valid.size:
                    tiles.append(Tile(window))
                    continue
                image, small = _resized(pixels, valid, size)
                file = folder / unfinished_name(".tile")
                thumbnails.append(grey_thumbnail(image))
                pixel_sha256 = hashlib.sha256(small.data).hexdigest()
                scale = strip.scale if window[2] == strip.side else 1.0
                tiles.append(
                    Tile(
                        window,
                        file.name,
                        pixel_sha256,
                        thumbnail=thumbnails[-1],
                        footprint=footprint,
                        gsd=_scaled(gsd, scale),
                    )
                )
                _write(file, encode_tiff(image))
        check_unchanged(strip.path, strip.scene.size, strip.scene.mtime_ns)
        check_others(strip.path, strip.others, strip.outside)
    except UnusableImageError as error:
        remove(folder, tiles)
        return Cut(problem=str(error))
    except OSError as error:
        remove(folder, tiles)
        return Cut(problem=f"cannot be read ({reason(error)})")
    hashes = iter(perceptual_hashes(thumbnails))
    return Cut(tuple(replace(tile, phash=next(hashes)) if tile.file else tile for tile in tiles))


def _resized(pixels: Pixels, valid: Mask, size: int) -> tuple[Image.Image, Pixels]:
    """Return an image of the right size, and its pixels; invalid pixels stay out of others."""
    if pixels.shape[:2] != (size, size):
        pixels, _ = resampling.resized(resampling.layers_of(pixels, valid), (size, size))
    return Image.fromarray(pixels), pixels


def remove(folder: Path, tiles: Sequence[Tile]) -> None:
    """Remove the temporary files of tiles."""
    for tile in tiles:
        if tile.file is not None:
            (folder / tile.file).unlink(missing_ok=True)


def _read(raster: Raster, strip: Strip, size: int) -> Iterator[tuple[Window, Pixels, Mask]]:
    """Yield the windows of a strip with their pixels and valid pixels."""
    for group in _groups(strip.windows):
        column, row, _, height = group[0]
        width = group[-1][0] + group[-1][2] - column
        if height > REDUCED * size:
            twice = (2 * size, 2 * size)
            for window in group:
                yield window, *raster.read_rgb(window, twice, strip.bands, strip.limits)
            continue
        box = (column, row, width, height)
        pixels, valid = raster.read_rgb(box, None, strip.bands, strip.limits)
        for window in group:
            part = slice(window[0] - column, window[0] - column + window[2])
            yield window, np.ascontiguousarray(pixels[:, part]), valid[:, part]


def _groups(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """Yield neighbouring windows of one row that are read at once."""
    group: list[Window] = []
    for window in windows:
        if group:
            first, last = group[0], group[-1]
            together = window[1::2] == first[1::2] and last[0] <= window[0] <= last[0] + last[2]
            pixels = (window[0] + window[2] - first[0]) * first[3]
            if not together or pixels > MAX_READ:
                yield group
                group = []
        group.append(window)
    if group:
        yield group


def _scaled(gsd: float | None, scale: float) -> float | None:
    return gsd if gsd is None or scale == 1 else float(f"{gsd * scale:.9g}")


def _write(file: Path, data: bytes) -> None:
    try:
        with file.open("xb") as stream:
            stream.write(data)
    except OSError as error:
        raise write_error(file.parent, error) from error

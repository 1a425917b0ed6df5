"""The plan of a tiling: the scenes, their settings and the windows of their tiles."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rsitmd_tools.errors import reason
from rsitmd_tools.hashing import sha256_file, sha256_lines
from rsitmd_tools.imaging.limits import MIN_SIDE, UnusableImageError
from rsitmd_tools.imaging.modes import UPRIGHT
from rsitmd_tools.imaging.options import BandOptions, ValueRange
from rsitmd_tools.imaging.raster import Raster, open_raster, orientation_of
from rsitmd_tools.imaging.source import Fingerprint, other_files, scene_sha256
from rsitmd_tools.imaging.tiff import pages_note
from rsitmd_tools.ingest.footprints import (
    Georeference,
    acquisition_time,
    affine_of,
    crs_name,
    georeference,
)
from rsitmd_tools.ingest.scan import shown
from rsitmd_tools.ingest.windows import Places, grid, place_windows
from rsitmd_tools.workspace.scenes import Scene, Window
from rsitmd_tools.workspace.sources import KnownSource, SourceState, state_of

# Imported before the workers are forked, so that they share this memory and start at once. If the
# extra is not installed, the command reports it.
PRELOAD = ("rasterio.transform", "rasterio.warp", "shapely", "pyproj")

MAX_SCENE_PIXELS = 100_000_000_000
PLACES_IN_A_STRIP = 32
CHANGED = "changed while it was read; run the same command again"
TURNED = "has an orientation tag, so its pixels are stored turned"
TURN_UPRIGHT = "save it upright first, for example with `magick FILE -auto-orient NEW`"
MOVED = (
    "its coordinates changed after it was cut (as in a file beside it), and its earlier tiles keep"
    " the old ones; to use the new ones, ingest it into another workspace"
)
TIME_DOMAINS = (None, "IMAGERY", "EXIF")


@dataclass(frozen=True, slots=True)
class TileOptions:
    """How scenes are cut into tiles.

    Attributes:
        side: Side of a tile in pixels of the scene, or of ``gsd``; None takes polygons only.
        stride: Distance of neighbouring tiles in the same unit; by default the side.
        min_valid: Least share of valid pixels of a tile.
        gsd: Ground sample distance of a tile in metres; by default that of the scene.
        places: Given places instead of a grid.
        bands: Bands and values.
        outside: Whether a VRT may read files outside of its folder.
    """

    side: int | None
    stride: int | None = None
    min_valid: float = 0.9
    gsd: float | None = None
    places: Places | None = None
    bands: BandOptions = field(default_factory=BandOptions)
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A file that may be a scene.

    Attributes:
        path: The file.
        relative: Its path relative to the given source.
        category: Category of its tiles.
    """

    path: Path
    relative: str
    category: str


@dataclass(frozen=True, slots=True)
class ScenePlan:
    """A scene and the windows of its tiles.

    Attributes:
        source: The file.
        scene: What is recorded of it; None if it cannot be used.
        limits: The values that become black and white; None for 8-bit data as they are.
        strips: Windows that are cut together, in the order of the numbers of the images.
        taken: Numbers of the given places that are in the scene.
        scale: Pixels of the scene in a pixel of a tile, in one direction; see ``--gsd``.
        side: Side of a tile in pixels of the scene.
        note: What the user should know of the scene, or None.
        problem: Why the scene cannot be used, or None.
        state: State of the file when it was planned; None if its SHA-256 covers other files too.
        others: These other files, before they were hashed.
    """

    source: Source
    scene: Scene | None = None
    limits: ValueRange | None = None
    strips: tuple[tuple[Window, ...], ...] = ()
    taken: frozenset[int] = frozenset()
    scale: float = 1.0
    side: int | None = None
    note: str | None = None
    problem: str | None = None
    state: SourceState | None = None
    others: Mapping[Path, Fingerprint] = field(default_factory=dict)


def plan_scene(
    source: Source,
    options: TileOptions,
    known: Mapping[str, KnownSource],
    sizes: Set[int],
) -> ScenePlan:
    """Find the range of values of a scene and place its windows.

    A file whose size no known file has cannot be known. Its SHA-256 is left empty, to be found
    by :class:`SceneHashes`. That of a VRT covers the files that it refers to, and that of a file
    with a mask beside it covers the mask.

    Args:
        source: The file.
        options: How it is cut.
        known: Known files by path. One that certainly did not change is not read again for its
            SHA-256.
        sizes: Sizes of the known files in bytes.
    """
    try:
        now = time.time_ns()
        status = source.path.stat()
        state = None
        others = other_files(source.path, options.outside)
        if others:
            # These can change while the file stays as it is.
            sha256 = scene_sha256(source.path, options.outside)
        else:
            state = state_of(status, now)
            found = known.get(shown(source.path.resolve()))
            if found is not None and found.is_unchanged(status):
                sha256 = found.sha256
            else:
                sha256 = sha256_file(source.path) if status.st_size in sizes else ""
        with open_raster(source.path, options.outside) as raster:
            check_scene_size(raster)
            if is_turned(source.path, raster):
                raise UnusableImageError(f"{TURNED}; {TURN_UPRIGHT}")
            placed = georeference(raster)
            side, scale = _side(raster, placed, options)
            strips, taken = _strips(raster, placed, options, side, scale)
            limits = raster.value_range(options.bands)
            note = pages_note(raster.summary.pages)
            scene = describe(raster, placed, source, sha256, status, options.bands, limits)
        check_unchanged(source.path, status.st_size, status.st_mtime_ns)
        check_others(source.path, others, options.outside)
    except OSError as error:
        return ScenePlan(source, problem=f"cannot be read ({reason(error)})")
    except UnusableImageError as error:
        return ScenePlan(source, problem=str(error))
    return ScenePlan(
        source, scene, limits, strips, taken, scale, side, note, state=state, others=others
    )


def identity(scene: Scene, window: Window) -> str:
    """Return the SHA-256 that identifies a tile: of its scene, settings and window."""
    return sha256_lines(["tile", scene.sha256, scene.bands, json.dumps(window)])


def describe(
    raster: Raster,
    placed: Georeference | None,
    source: Source,
    sha256: str,
    status: os.stat_result,
    options: BandOptions,
    limits: ValueRange | None,
) -> Scene:
    """Return what is recorded of a scene."""
    crs = placed.crs if placed else crs_name(raster.crs) if raster.crs else None
    return Scene(
        sha256=sha256,
        source=source.relative,
        found_at=shown(source.path.resolve()),
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        width=raster.width,
        height=raster.height,
        crs=crs,
        # A world file gives a transform too, which is not in the CRS of the RPCs.
        transform=placed.transform if placed else affine_of(raster),
        acquired=acquisition_time(_time_tags(raster)),
        bands=_settings(options, limits),
    )


def check_scene_size(raster: Raster) -> None:
    """Check that a scene has a size that can be cut.

    Raises:
        UnusableImageError: It has more than 100 gigapixels.
    """
    if raster.width * raster.height > MAX_SCENE_PIXELS:
        raise UnusableImageError(
            f"is {raster.width} x {raster.height}, more than"
            f" {MAX_SCENE_PIXELS // 1_000_000_000} gigapixels"
        )


def is_turned(path: Path, raster: Raster) -> bool:
    """Return whether a scene has an orientation tag and no coordinates.

    Its pixels are stored turned then. Where pixels have coordinates, these say what is up.
    """
    return raster.crs is None and orientation_of(path, raster) in UPRIGHT


def check_unchanged(path: Path, size: int, mtime_ns: int) -> None:
    """Check that a file is still the one that was hashed.

    Raises:
        UnusableImageError: Its size or modification time is different.
        OSError: It cannot be accessed.
    """
    status = path.stat()
    if (status.st_size, status.st_mtime_ns) != (size, mtime_ns):
        raise UnusableImageError(CHANGED)


def check_others(path: Path, others: Mapping[Path, Fingerprint], outside: bool) -> None:
    """Check that the other files of a scene are still those that were hashed.

    Args:
        path: The scene.
        others: Its mask or its sources, see :func:`other_files`.
        outside: Whether a VRT may read files outside of its folder.

    Raises:
        UnusableImageError: One was changed, added or removed.
        OSError: One cannot be accessed.
    """
    if other_files(path, outside) != others:
        raise UnusableImageError(CHANGED)


def _side(
    raster: Raster, placed: Georeference | None, options: TileOptions
) -> tuple[int | None, float]:
    """Return the side of a tile in pixels of the scene, and how many of them a pixel has."""
    if options.side is None or options.gsd is None:
        return options.side, 1.0
    own = None if placed is None else placed.gsds([(0, 0, raster.width, raster.height)])[0]
    if own is None:
        raise UnusableImageError("has no georeference, so --gsd cannot be applied")
    side = round(options.side * options.gsd / own)
    if side < MIN_SIDE:
        raise UnusableImageError(
            f"has pixels of {own:.3g} m: a tile of {options.side} pixels at --gsd"
            f" {options.gsd:g} would have only {side} x {side} of them"
        )
    return side, side / options.side


def _strips(
    raster: Raster,
    placed: Georeference | None,
    options: TileOptions,
    side: int | None,
    scale: float,
) -> tuple[tuple[tuple[Window, ...], ...], frozenset[int]]:
    width, height = raster.width, raster.height
    if options.places is not None:
        if placed is None:
            raise UnusableImageError(
                "has no georeference, so the given places cannot be located in it"
            )
        windows, taken = place_windows(options.places, placed, width, height, side)
        strips = [
            tuple(windows[k : k + PLACES_IN_A_STRIP])
            for k in range(0, len(windows), PLACES_IN_A_STRIP)
        ]
        return tuple(strips), taken
    if side is None:
        raise UnusableImageError("needs the side of its tiles")
    if side > min(width, height):
        raise UnusableImageError(
            f"is {width} x {height}, smaller than a tile of {side} x {side} pixels"
        )
    stride = side if options.stride is None else max(1, round(options.stride * scale))
    return tuple(tuple(row) for row in grid(width, height, side, stride)), frozenset()


def _settings(options: BandOptions, limits: ValueRange | None) -> str:
    settings = {**dataclasses.asdict(options), "applied": limits}
    return json.dumps(settings, sort_keys=True)


def _time_tags(raster: Raster) -> dict[str, str]:
    found: dict[str, str] = {}
    for domain in TIME_DOMAINS:
        tags: dict[str, Any] = raster.tags() if domain is None else raster.tags(ns=domain)
        found.update(tags)
    return found

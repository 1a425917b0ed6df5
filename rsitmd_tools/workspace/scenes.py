"""The tables of scenes and places: which part of which raster an image shows."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsitmd_tools.workspace.store import Workspace

Window = tuple[int, int, int, int]
Transform = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """A raster.

    Attributes:
        sha256: SHA-256 of the file.
        source: Path relative to the given source.
        found_at: Absolute path; empty for a scene of an imported release.
        size: Size of the file in bytes; 0 for a scene of an imported release, whose file was not
            read.
        mtime_ns: Modification time of the file in nanoseconds.
        width: Width in pixels; 0 if the file was not read.
        height: Height in pixels; 0 if the file was not read.
        crs: EPSG code or WKT, or None.
        transform: Affine transform from pixels to the CRS; None without one.
        acquired: Acquisition time, ISO 8601 UTC; None if no tag has it.
        bands: Settings of bands and values, as JSON; ``null`` if the file was not read.
    """

    sha256: str
    source: str
    found_at: str
    size: int
    mtime_ns: int
    width: int
    height: int
    crs: str | None
    transform: Transform | None
    acquired: str | None
    bands: str


@dataclass(frozen=True, slots=True)
class NewPlace:
    """The place of an image that is being added.

    Attributes:
        image: SHA-256 that identifies the image.
        scene: SHA-256 of the scene.
        bands: Settings of the scene.
        window: ``(col, row, width, height)`` in pixels of the scene.
        footprint: GeoJSON geometry in WGS84, or None.
        gsd: Ground sample distance in metres, or None.
    """

    image: str
    scene: str
    bands: str
    window: Window
    footprint: dict[str, Any] | None
    gsd: float | None


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """Where an image of another dataset lies in its source.

    Attributes:
        scene: The source.
        window: ``(col, row, width, height)`` in pixels of the source.
        footprint: GeoJSON geometry in WGS84, or None.
        gsd: Ground sample distance in metres, or None.
    """

    scene: Scene
    window: Window
    footprint: dict[str, Any] | None = None
    gsd: float | None = None

    def of_image(self, sha256: str) -> NewPlace:
        """Return it as the place of an image with a SHA-256."""
        scene = self.scene
        return NewPlace(sha256, scene.sha256, scene.bands, self.window, self.footprint, self.gsd)


@dataclass(frozen=True, slots=True)
class UnplacedImage:
    """An image without a recorded place.

    Attributes:
        id: Row of the image.
        sha256: SHA-256 of its source file.
        source: Absolute path of the source.
        width: Width of the source in pixels.
        height: Height of the source in pixels.
        imported: Names of the dataset and of the image in it, for each import of the image.
    """

    id: int
    sha256: str
    source: str
    width: int
    height: int
    imported: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """An image of the workspace and its place.

    Attributes:
        image_id: Row of the image.
        filename: ``<category>_<number>.tif``.
        category: Category of the image.
        split: ``train``, ``val``, ``test`` or None.
        source: Absolute path of the source.
        source_size: ``(width, height)`` of the source in pixels.
        window: ``(col, row, width, height)`` in pixels of the source; None if it is not recorded.
        footprint: GeoJSON geometry in WGS84, or None.
        gsd: Ground sample distance in metres, or None.
        group: Row of the first image of its spatial group, or None.
        scene: The scene; None for an image without a recorded one.
    """

    image_id: int
    filename: str
    category: str
    split: str | None
    source: str
    source_size: tuple[int, int]
    window: Window | None
    footprint: dict[str, Any] | None
    gsd: float | None
    group: int | None
    scene: Scene | None


UNKNOWN_BANDS = "null"
_SCENE = "sha256, source, found_at, size, mtime_ns, width, height, crs, transform, acquired, bands"
_PLACES = (
    "SELECT image.id, filename, category, split, image.source, image.width, image.height,"
    " col, row, place.width, place.height, footprint, gsd, spatial_group, scene.id, "
    + ", ".join(f"scene.{name}" for name in _SCENE.split(", "))
    + " FROM image LEFT JOIN place ON image_id = image.id"
    " LEFT JOIN scene ON scene.id = scene_id"
)


def distant_scene(
    sha256: str,
    source: str,
    *,
    crs: str | None = None,
    acquired: str | None = None,
    mtime_ns: int = 0,
) -> Scene:
    """Return a scene whose file is not at hand; its transform and its bands are not known."""
    return Scene(sha256, source, "", 0, mtime_ns, 0, 0, crs, None, acquired, UNKNOWN_BANDS)


def add_places(db: sqlite3.Connection, scenes: Iterable[Scene], places: Iterable[NewPlace]) -> None:
    """Add scenes and the places of images that were just added. Call it inside a transaction.

    A scene that is known with the same settings stays as it is.
    """
    db.executemany(
        f"INSERT INTO scene ({_SCENE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (sha256, bands) DO NOTHING",
        (
            (
                scene.sha256,
                scene.source,
                scene.found_at,
                scene.size,
                scene.mtime_ns,
                scene.width,
                scene.height,
                scene.crs,
                None if scene.transform is None else json.dumps(scene.transform),
                scene.acquired,
                scene.bands,
            )
            for scene in scenes
        ),
    )
    db.executemany(
        "INSERT OR IGNORE INTO place (image_id, scene_id, col, row, width, height, footprint, gsd)"
        " SELECT image.id, scene.id, ?, ?, ?, ?, ?, ? FROM image, scene"
        " WHERE image.sha256 = ? AND scene.sha256 = ? AND scene.bands = ?",
        (
            (
                *place.window,
                None if place.footprint is None else json.dumps(place.footprint),
                place.gsd,
                place.image,
                place.scene,
                place.bands,
            )
            for place in places
        ),
    )


def place_in_known_scenes(workspace: Workspace) -> None:
    """Record the windows of images whose file was also cut into tiles.

    Without map coordinates, an image that is a whole file has no place. The tiles of its file show
    the same ground.

    Args:
        workspace: A workspace opened for writing.
    """
    rows = workspace.db.execute(
        "SELECT image.sha256, image.width, image.height, image.source,"
        f" {', '.join(f'scene.{name}' for name in _SCENE.split(', '))}"
        " FROM scene JOIN image USING (sha256)"
        " WHERE image.id NOT IN (SELECT image_id FROM place)"
        " GROUP BY image.id"
    ).fetchall()
    if not rows:
        return
    scenes, places = [], []
    for sha256, width, height, source, *fields in rows:
        # The tiles may have been read with other bands.
        scenes.append(replace(_scene(fields), found_at=source, bands=UNKNOWN_BANDS))
        window = central_window(width, height)
        places.append(NewPlace(sha256, sha256, UNKNOWN_BANDS, window, None, None))
    with workspace.transaction() as db:
        add_places(db, scenes, places)


def central_window(width: int, height: int) -> Window:
    """Return the largest centred square as ``(col, row, width, height)``."""
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side, side


def unplaced_images(workspace: Workspace, after: int) -> list[UnplacedImage]:
    """Return the images without a place that were added after an image.

    Args:
        workspace: The workspace.
        after: Row of that image; 0 for all images.
    """
    rows = workspace.db.execute(
        "SELECT id, sha256, source, width, height FROM image WHERE id > ?"
        " AND NOT EXISTS (SELECT 1 FROM place WHERE image_id = image.id) ORDER BY id",
        (after,),
    )
    names: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for image, dataset, name in workspace.db.execute(
        "SELECT image_id, dataset, name FROM imported_image WHERE image_id > ?", (after,)
    ):
        names[image].append((dataset, name))
    return [
        UnplacedImage(row, sha256, source, width, height, tuple(names.get(row, ())))
        for row, sha256, source, width, height in rows
    ]


def unplaced_imports(workspace: Workspace, dataset: str) -> dict[str, str]:
    """Return the SHA-256 of the images without a place that were imported from a dataset.

    Returns:
        SHA-256 that identifies the image, by its name in the dataset.
    """
    rows = workspace.db.execute(
        "SELECT name, sha256 FROM imported_image JOIN image ON image.id = image_id"
        " WHERE dataset = ?"
        " AND NOT EXISTS (SELECT 1 FROM place WHERE place.image_id = image.id)"
        " ORDER BY imported_image.id",
        (dataset,),
    )
    return {row["name"]: row["sha256"] for row in rows}


def scene_sizes(workspace: Workspace) -> frozenset[int]:
    """Return the sizes of the files of known scenes in bytes."""
    return frozenset(row[0] for row in workspace.db.execute("SELECT DISTINCT size FROM scene"))


def scene_coordinates(
    workspace: Workspace,
) -> dict[str, list[tuple[str | None, Transform | None]]]:
    """Return the recorded CRS and transforms of the scenes whose file was read, by SHA-256."""
    found = defaultdict(list)
    rows = workspace.db.execute("SELECT sha256, crs, transform FROM scene WHERE size > 0")
    for sha256, crs, transform in rows:
        found[sha256].append((crs, None if transform is None else tuple(json.loads(transform))))
    return found


def scene_images(workspace: Workspace, scene: str) -> dict[tuple[Window, str], str]:
    """Return the images of a scene, removed ones too.

    Args:
        workspace: The workspace.
        scene: SHA-256 of the scene.

    Returns:
        SHA-256 that identifies the image, by its window and the SHA-256 of its pixels.
    """
    rows = workspace.db.execute(
        "SELECT image.sha256, pixel_sha256, col, row, place.width, place.height FROM scene"
        " JOIN place ON scene_id = scene.id JOIN image ON image.id = image_id"
        " WHERE scene.sha256 = ? ORDER BY image.id DESC",
        (scene,),
    )
    return {(tuple(window), pixels): image for image, pixels, *window in rows}


def image_place(workspace: Workspace, filename: str) -> ImagePlace | None:
    """Return the place of an image, or None if the workspace has no image of that name."""
    row = workspace.db.execute(f"{_PLACES} WHERE filename = ?", (filename,)).fetchone()
    return None if row is None else _place(row, {})


def image_places(workspace: Workspace, *, removed: bool = False) -> list[ImagePlace]:
    """Return all images with their places, in the order in which they were added.

    Args:
        workspace: The workspace.
        removed: Return the images that were removed from the dataset too.
    """
    kept = "" if removed else " WHERE image.id IN (SELECT id FROM kept_image)"
    rows = workspace.db.execute(f"{_PLACES}{kept} ORDER BY image.id")
    scenes: dict[int, Scene] = {}  # many images can have one
    return [_place(row, scenes) for row in rows]


def count_places(workspace: Workspace) -> int:
    """Return the number of images with a place."""
    return int(workspace.db.execute("SELECT count(*) FROM place").fetchone()[0])


def count_spatial(workspace: Workspace) -> tuple[int, int]:
    """Return the number of images in spatial groups, and of these groups."""
    row = workspace.db.execute(
        "SELECT count(spatial_group), count(DISTINCT spatial_group) FROM place"
    ).fetchone()
    return row[0], row[1]


def spatial_groups(workspace: Workspace) -> dict[int, int]:
    """Return the spatial group of each image that has one, by rows of the image table."""
    rows = workspace.db.execute(
        "SELECT image_id, spatial_group FROM place WHERE spatial_group IS NOT NULL"
    )
    return {row[0]: row[1] for row in rows}


def set_spatial_groups(db: sqlite3.Connection, groups: Iterable[tuple[int, int | None]]) -> None:
    """Set the spatial groups of images. Call it inside a transaction.

    Args:
        db: The workspace's database.
        groups: Pairs of an image's row and its group.
    """
    db.executemany(
        "UPDATE place SET spatial_group = ? WHERE image_id = ?",
        ((group, image) for image, group in groups),
    )


def _place(row: sqlite3.Row, scenes: dict[int, Scene]) -> ImagePlace:
    """Return a place; take its scene from the known ones, or add it to them."""
    values = tuple(row)
    scene = scenes.get(values[14])
    if scene is None and values[14] is not None:
        scene = scenes[values[14]] = _scene(values[15:])
    return ImagePlace(
        image_id=values[0],
        filename=values[1],
        category=values[2],
        split=values[3],
        source=values[4],
        source_size=(values[5], values[6]),
        window=None if values[7] is None else values[7:11],
        footprint=None if values[11] is None else json.loads(values[11]),
        gsd=values[12],
        group=values[13],
        scene=scene,
    )


def _scene(values: Sequence[Any]) -> Scene:
    """Return a scene from the columns of ``_SCENE``."""
    fields = list(values)
    fields[8] = None if fields[8] is None else tuple(json.loads(fields[8]))
    return Scene(*fields)

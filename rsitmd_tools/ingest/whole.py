"""The places of images that are a whole raster: their centred square."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.options import DEFAULTS, BandOptions
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.raster import open_raster
from rsitmd_tools.imaging.source import read_image_file
from rsitmd_tools.ingest.footprints import georeference
from rsitmd_tools.ingest.plan import PRELOAD, Source, describe
from rsitmd_tools.ingest.scan import shown
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.scenes import (
    NewPlace,
    Scene,
    UnplacedImage,
    Window,
    add_places,
    unplaced_images,
)

# The last image that was looked at.
PLACED_FACT = "placed_images"
# Files of other types seldom have a georeference.
SUFFIXES = (".tif", ".tiff", ".gtiff", ".cog", ".jp2", ".j2k", ".vrt")
CHUNK = 16


def place_whole_images(
    workspace: Workspace,
    sources: Iterable[Path],
    options: BandOptions = DEFAULTS,
    workers: int | None = None,
    *,
    outside: bool = False,
) -> int:
    """Record the places of images that were added since the last call.

    Args:
        workspace: A workspace opened for writing.
        sources: The folders and files that were ingested.
        options: Bands and values with which they were read.
        workers: Number of processes; one per core by default.
        outside: Whether a VRT may read files outside of its folder.

    Returns:
        The number of images that have a place now.
    """
    images = unplaced_images(workspace, int(workspace.fact(PLACED_FACT) or 0))
    if not images:
        return 0
    chosen = [image for image in images if may_have_place(image.source)]
    roots = [source.resolve() for source in sources]
    work = partial(place_whole, roots=roots, options=options, outside=outside)
    placed = map_in_order(work, chosen, workers, chunk=CHUNK, preload=PRELOAD)
    with closing(placed) as results:
        found = [result for result in results if result is not None]
    with workspace.transaction() as db:
        add_places(db, [scene for scene, _ in found], [place for _, place in found])
        workspace.set_fact(PLACED_FACT, str(images[-1].id))
    return len(found)


def may_have_place(file: str) -> bool:
    """Return whether a file has a type that often has a georeference."""
    return file.lower().endswith(SUFFIXES)


def place_whole(
    image: UnplacedImage, roots: Sequence[Path], options: BandOptions, outside: bool
) -> tuple[Scene, NewPlace] | None:
    """Return the scene and the place of an image, or None if its file has no georeference."""
    path = Path(image.source)
    try:
        status = path.stat()
        with open_raster(path, outside) as raster:
            placed = georeference(raster)
            if placed is None or (raster.width, raster.height) != (image.width, image.height):
                return None
            source = Source(path, _relative(path, roots), "")
            scene = describe(raster, placed, source, image.sha256, status, options, None)
            window = central_window(raster.width, raster.height)
            footprint, gsd = placed.footprints([window])[0], placed.gsds([window])[0]
        if read_image_file(path, outside).sha256 != image.sha256:
            return None  # another file is there now
    except (OSError, UnusableImageError):
        return None
    return scene, NewPlace(image.sha256, scene.sha256, scene.bands, window, footprint, gsd)


def central_window(width: int, height: int) -> Window:
    """Return the largest centred square as ``(col, row, width, height)``."""
    side = min(width, height)
    return (width - side) // 2, (height - side) // 2, side, side


def _relative(path: Path, roots: Sequence[Path]) -> str:
    for root in roots:
        if path != root and path.is_relative_to(root):
            return shown(path.relative_to(root))
    return shown(Path(path.name))

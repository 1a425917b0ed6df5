"""The places of images that are a whole raster: their centred square."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from rsitmd_tools.imaging.gdal import is_utf8
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.options import DEFAULTS, BandOptions, ValueRange
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.imaging.raster import Raster, open_bytes, open_raster
from rsitmd_tools.imaging.source import read_image_file
from rsitmd_tools.imaging.tiff import STARTS as TIFF
from rsitmd_tools.imaging.vrt import is_vrt
from rsitmd_tools.ingest.footprints import georeference
from rsitmd_tools.ingest.plan import PRELOAD, Source, describe
from rsitmd_tools.ingest.scan import RASTER_SUFFIXES, shown
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.imported import repeated_key
from rsitmd_tools.workspace.readings import ImageReading, readings
from rsitmd_tools.workspace.scenes import (
    NewPlace,
    Scene,
    UnplacedImage,
    add_places,
    central_window,
    unplaced_images,
)

# The last image that was looked at.
PLACED_FACT = "placed_images"
# Beside a file of another type, these hold its CRS: of GDAL, and of MapInfo. A world file has none.
GDAL_BESIDE, MAPINFO_BESIDE = ".aux.xml", ".tab"
JPEG_2000 = b"\0\0\0\x0cjP  \r\n\x87\n"
CHUNK = 16


def place_whole_images(
    workspace: Workspace,
    sources: Iterable[Path],
    options: BandOptions = DEFAULTS,
    *,
    workers: int | None,
    outside: bool = False,
    elsewhere: Mapping[str, Path] | None = None,
) -> int:
    """Record the places of images that were added since the last call.

    Args:
        workspace: A workspace opened for writing.
        sources: The folders and files that were ingested.
        options: Bands and values with which they were read.
        workers: Number of processes; one per core by default.
        outside: Whether a VRT may read files outside of its folder.
        elsewhere: Where the files are whose source is not their path, by their source: inside a
            tar file, or with a name that is not UTF-8.

    Returns:
        The number of images that have a place now.
    """
    images = unplaced_images(workspace, int(workspace.fact(PLACED_FACT) or 0))
    if not images:
        return 0
    files = elsewhere or {}
    read = readings(workspace.db)
    chosen = [
        (image, path, read.get(image.sha256))
        for image in images
        if may_have_place(str(path := files.get(image.source, Path(image.source))))
        or _starts_as_raster(path)
    ]
    roots = [source.resolve() for source in sources]
    work = partial(_placed, roots=roots, options=options, outside=outside)
    placed = map_in_order(work, chosen, workers, chunk=CHUNK, preload=PRELOAD)
    with closing(placed) as results:
        found = [result for result in results if result is not None]
    with workspace.transaction() as db:
        add_places(db, [scene for scene, _ in found], [place for _, place in found])
        workspace.set_fact(PLACED_FACT, str(images[-1].id))
    return len(found)


def may_have_place(file: str) -> bool:
    """Return whether a file has a type that often has a georeference, or a file that holds one."""
    path = Path(file)
    return (
        path.suffix.lower() in RASTER_SUFFIXES
        or Path(file + GDAL_BESIDE).is_file()
        or path.with_suffix(MAPINFO_BESIDE).is_file()
    )


def _starts_as_raster(path: Path) -> bool:
    """Return whether a file is a TIFF or a JPEG 2000, whatever its name."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(JPEG_2000)).startswith((*TIFF, JPEG_2000))
    except OSError:  # a member of an archive, or a file that is gone
        return False


def _placed(
    chosen: tuple[UnplacedImage, Path, ImageReading | None],
    roots: Sequence[Path],
    options: BandOptions,
    outside: bool,
) -> tuple[Scene, NewPlace] | None:
    return place_whole(*chosen, roots, options, outside)


def place_whole(
    image: UnplacedImage,
    path: Path,
    reading: ImageReading | None,
    roots: Sequence[Path],
    options: BandOptions,
    outside: bool,
) -> tuple[Scene, NewPlace] | None:
    """Return the scene and the place of an image, or None if its file has no georeference.

    Args:
        image: The image.
        path: Its file.
        reading: How its values became colours; None for colours of 8 bits as they are.
        roots: The folders that were given by the user.
        options: Bands and values with which it was read.
        outside: Whether a VRT may read files outside of its folder.
    """
    try:
        status = path.stat()
        with _opened(path, outside) as raster:
            placed = georeference(raster)
            if placed is None or (raster.width, raster.height) != (image.width, image.height):
                return None
            source = Source(path, _relative(path, roots), "")
            limits = None
            if reading is not None:
                options = replace(options, bands=reading.bands)
                limits = None if reading.limits is None else ValueRange(*reading.limits)
            scene = describe(raster, placed, source, image.sha256, status, options, limits)
            window = central_window(raster.width, raster.height)
            footprint, gsd = placed.footprints([window])[0], placed.gsds([window])[0]
        sha256 = read_image_file(path, outside).sha256
        if image.sha256 not in (sha256, *(repeated_key(sha256, *name) for name in image.imported)):
            return None  # another file is there now
    except (OSError, UnusableImageError):
        return None
    scene = replace(scene, sha256=sha256, found_at=image.source)
    return scene, NewPlace(image.sha256, sha256, scene.bands, window, footprint, gsd)


@contextmanager
def _opened(path: Path, outside: bool) -> Iterator[Raster]:
    """Open a raster; from memory if its name is not UTF-8, which GDAL cannot open.

    Raises:
        UnusableImageError: It cannot be opened, or is too large to be an image.
        OSError: It cannot be read.
    """
    data = b"" if is_utf8(str(path.absolute())) else read_image_file(path, outside).data
    if not data or is_vrt(data):  # a VRT is opened under another name
        with open_raster(path, outside) as raster:
            yield raster
        return
    files = {"image": data}
    beside = path.with_name(path.name + GDAL_BESIDE)
    if beside.is_file():
        files["image" + GDAL_BESIDE] = beside.read_bytes()
    with open_bytes(files) as raster:
        yield raster


def _relative(path: Path, roots: Sequence[Path]) -> str:
    for root in roots:
        if path != root and path.is_relative_to(root):
            return shown(path.relative_to(root))
    return shown(Path(path.name))

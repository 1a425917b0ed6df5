"""Opening of rasters with rasterio: files, VRT files and files in memory."""

from __future__ import annotations

import io
import mmap
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from PIL import Image

from rsitmd_tools.imaging.beside import check_side_files
from rsitmd_tools.imaging.gdal import IMAGE_DRIVERS, VRT_DRIVERS, safe_gdal
from rsitmd_tools.imaging.source import unchanged
from rsitmd_tools.imaging.tiff import ORIENTATION, STARTS, TiffSummary, summarise
from rsitmd_tools.imaging.vrt import is_vrt, read_vrt
from rsitmd_tools.imaging.windowed import Raster, readable

__all__ = ["Raster", "open_bytes", "open_raster", "orientation_of"]

# Names of files with RPCs, and those that GDAL looks for: it does not list the folder.
RPC_FILES = {
    f"_{text}.{suffix}": "_RPC.TXT"
    for text in ("RPC", "rpc", "Rpc")
    for suffix in ("TXT", "txt", "Txt")
} | dict.fromkeys((".RPB", ".rpb", ".Rpb"), ".RPB")
MAX_RPC_BYTES = 1_000_000


@contextmanager
def open_raster(path: Path, outside: bool = False) -> Iterator[Raster]:
    """Open a raster for windowed reading.

    GDAL has no network, and only drivers of image files. What it reports goes into the reason of
    the exception.

    Args:
        path: A TIFF, PNG, JPEG, WebP, JPEG 2000 or VRT file.
        outside: Whether a VRT may read files outside of its folder.

    Raises:
        UnusableImageError: rasterio is not installed, the file cannot be opened, it is a VRT
            that names what it may not read, or a file changed while the block ran.
        OSError: The file cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(1000)
    if is_vrt(start):
        folder = uuid4().hex
        vrt = read_vrt(path, f"/vsimem/{folder}", outside)
        with unchanged(path, *vrt.sources), open_bytes(vrt.texts, folder) as raster:
            yield raster
        return
    check_side_files(path)
    # A Path is never parsed as a URL or an archive.
    absolute, summary = path.absolute(), _summary(path, start)
    with unchanged(path), safe_gdal(), _opened(absolute, IMAGE_DRIVERS, summary) as raster:
        if raster.crs is None and not raster.gcps[0] and raster.rpcs is None:
            raster.rpcs = _rpcs_beside(path)
        yield raster


@contextmanager
def open_bytes(files: Mapping[str, bytes], folder: str | None = None) -> Iterator[Raster]:
    """Open a raster whose files are in memory.

    Args:
        files: Name and content of each file: first the raster, then what is beside it.
        folder: Name of the folder in memory; a new one by default.

    Raises:
        UnusableImageError: rasterio is not installed, or the file cannot be opened.
    """
    folder = folder or uuid4().hex
    name, first = next(iter(files.items()))
    drivers = VRT_DRIVERS if is_vrt(first) else IMAGE_DRIVERS
    with safe_gdal(), ExitStack() as stack:
        from rasterio.io import MemoryFile

        for beside, data in files.items():
            stack.enter_context(MemoryFile(data, dirname=folder, filename=beside))
        summary = summarise(first) if first.startswith(STARTS) else TiffSummary()
        path = Path("/vsimem", folder, name)
        yield stack.enter_context(_opened(path, drivers, summary))


@contextmanager
def _opened(path: Path, drivers: tuple[str, ...], summary: TiffSummary) -> Iterator[Raster]:
    from rasterio.io import DatasetReader

    def opened(**options: int) -> Any:
        return DatasetReader(path, driver=list(drivers), **options)

    with readable():
        source = opened()
    with source:
        yield Raster(source, lambda level: opened(overview_level=level), summary)


def _rpcs_beside(path: Path) -> Any:
    """Return the RPCs in a file beside a raster, whatever the case of its name, or None."""
    for ending, known in RPC_FILES.items():
        beside = path.with_name(path.stem + ending)
        if beside.is_file() and beside.stat().st_size <= MAX_RPC_BYTES:
            # GDAL reads the text if it has a name that GDAL knows.
            pixel = io.BytesIO()
            Image.new("L", (1, 1)).save(pixel, format="TIFF")
            files = {"pixel.tif": pixel.getvalue(), f"pixel{known}": beside.read_bytes()}
            with open_bytes(files) as raster:
                return raster.rpcs
    return None


def orientation_of(path: Path, raster: Raster) -> int:
    """Return how the pixels of an open raster are turned: 1 (upright) to 8, as in EXIF."""
    if raster.summary.pages:
        return raster.summary.orientation
    try:
        with Image.open(path) as image:
            exif = Image.Exif()
            # getexif() would decode the complete image of a PNG file.
            exif.load(image.info.get("exif", b""))
        return int(exif.get(ORIENTATION, 1))
    except Exception:
        # Pillow raises many types of exceptions, and refuses pictures of more than 178 megapixels.
        return int(raster.tags(ns="EXIF").get("EXIF_Orientation", 1))


def _summary(path: Path, start: bytes) -> TiffSummary:
    if not start.startswith(STARTS):
        return TiffSummary()
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as data:
        return summarise(data)

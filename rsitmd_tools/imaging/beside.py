"""The files that GDAL reads beside a raster by itself: masks and overviews."""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.tiff import STARTS

MASK = ".msk"
SIDE_FILES = (MASK, ".ovr", ".ovr.msk", ".msk.ovr")


def mask_beside(path: Path) -> Path | None:
    """Return the mask that lies beside a file (``NAME.msk``), or None."""
    beside = path.with_name(path.name + MASK)
    return beside if beside.is_file() else None


def check_side_files(path: Path, root: Path | None = None) -> None:
    """Refuse side files that GDAL would open as a raster of any type.

    Args:
        path: The raster.
        root: Folder in which they must be; None for any folder.

    Raises:
        UnusableImageError: A side file is not a TIFF, or is a link out of the folder.
    """
    for suffix in SIDE_FILES:
        beside = path.with_name(path.name + suffix)
        if not beside.is_file():
            continue
        with beside.open("rb") as stream:
            if not stream.read(4).startswith(STARTS):
                raise UnusableImageError(f"has a side file {suffix} that is not a TIFF")
        if root is not None and not beside.resolve().is_relative_to(root):
            raise UnusableImageError(f"has a side file {suffix} outside of its folder")

"""PNG copies of the images: browsers show no TIFF and the server refuses its upload."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from rsitmd_tools.atomic import atomic_path
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.progress import track
from rsitmd_tools.workspace import Workspace


def rendition_folder(workspace: Workspace) -> Path:
    """Return the folder of the PNG copies: below the folder that the server may read."""
    return workspace.renditions / "images"


def rendition_path(workspace: Workspace, filename: str) -> Path:
    """Return where the PNG copy of an image lies."""
    return rendition_folder(workspace) / f"{Path(filename).stem}.png"


def make_renditions(workspace: Workspace, filenames: Iterable[str]) -> None:
    """Make the PNG copies that are absent.

    Raises:
        RsitmdError: An image is absent or damaged, or a copy cannot be written.
    """
    missing = [f for f in filenames if not rendition_path(workspace, f).exists()]
    for filename in track(missing, "renditions"):
        source = workspace.images / filename
        try:
            with Image.open(source) as image:
                image.load()
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise RsitmdError(
                f"cannot be read ({reason(error)})",
                where=source,
                hint="restore it: ingest its source again",
            ) from error
        with atomic_path(rendition_path(workspace, filename)) as partial:
            image.save(partial, format="PNG")

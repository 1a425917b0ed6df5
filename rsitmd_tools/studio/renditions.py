"""PNG copies of the images: browsers show no TIFF and the server refuses its upload."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from rsitmd_tools.atomic import atomic_path
from rsitmd_tools.progress import track
from rsitmd_tools.workspace import Workspace


def rendition_path(workspace: Workspace, filename: str) -> Path:
    """Return where the PNG copy of an image lies."""
    return workspace.renditions / "images" / f"{Path(filename).stem}.png"


def make_renditions(workspace: Workspace, filenames: Iterable[str]) -> None:
    """Make the PNG copies that are absent."""
    missing = [f for f in filenames if not rendition_path(workspace, f).exists()]
    for filename in track(missing, "renditions"):
        with (
            Image.open(workspace.images / filename) as image,
            atomic_path(rendition_path(workspace, filename)) as partial,
        ):
            image.save(partial, format="PNG")

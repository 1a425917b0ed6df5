"""Renditions: PNG copies of the images.

Browsers cannot show TIFF, and Label Studio refuses its upload.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from rsitmd_tools.atomic import atomic_path
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.progress import track
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import former_names, image_states


def rendition_folder(workspace: Workspace) -> Path:
    """Return the folder of the renditions; it is below the folder that the server may read."""
    return workspace.renditions / "images"


def rendition_path(workspace: Workspace, filename: str) -> Path:
    """Return the path of an image's rendition."""
    return rendition_folder(workspace) / f"{Path(filename).stem}.png"


def make_renditions(workspace: Workspace, filenames: Iterable[str]) -> None:
    """Create the renditions that do not exist yet.

    Args:
        workspace: The workspace.
        filenames: File names of the images.

    Raises:
        RsitmdError: An image is missing or damaged, or a rendition cannot be written.
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
                hint="ingest its source again to restore it",
            ) from error
        with atomic_path(rendition_path(workspace, filename)) as partial:
            image.save(partial, format="PNG")


def remove_former_renditions(workspace: Workspace) -> None:
    """Remove renditions with former names of images. Call it when no task shows them any more."""
    # Without their case: where file systems ignore it, a former name can be that of a current file.
    current = {image.filename.casefold() for image in image_states(workspace.db)}
    for name in former_names(workspace.db):
        if name.casefold() not in current:
            rendition_path(workspace, name).unlink(missing_ok=True)

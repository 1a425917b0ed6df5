"""The side length of the images, set by ``--resize`` in a workspace without images."""

from __future__ import annotations

import re
import tomllib

from rsitmd_tools.atomic import write_text
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.text_files import read_text
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import has_images
from rsitmd_tools.workspace.settings import FILENAME, load_settings, settings_from

_KEY = re.compile(r"^(\s*image_size\s*=\s*)[0-9_]+", re.MULTILINE)
_SECTION = re.compile(r"^\[dataset\][^\n]*\n?", re.MULTILINE)


def set_image_size(workspace: Workspace, size: int) -> None:
    """Set ``dataset.image_size`` if it is different.

    Args:
        workspace: A workspace opened for writing.
        size: Side length of the images in pixels.

    Raises:
        RsitmdError: The workspace has images of another size.
    """
    current = workspace.settings.dataset.image_size
    if current == size:
        return
    path = workspace.path / FILENAME
    if has_images(workspace):
        raise RsitmdError(
            f"dataset.image_size is {current}, so --resize {size} cannot be applied",
            where=path,
            hint=f"use --resize {current}, or create another workspace",
        )
    text = read_text(path)
    if _KEY.search(text):
        changed = _KEY.sub(rf"\g<1>{size}", text, count=1)
    elif _SECTION.search(text):
        changed = _SECTION.sub(f"[dataset]\nimage_size = {size}\n", text, count=1)
    else:
        changed = f"[dataset]\nimage_size = {size}\n\n{text}"
    settings_from(tomllib.loads(changed), path)
    write_text(path, changed)
    workspace.settings = load_settings(path)

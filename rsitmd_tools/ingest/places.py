"""The files of an image: their paths, hard links, and removal of former names."""

from __future__ import annotations

import filecmp
import os
import shutil
from pathlib import Path

from rsitmd_tools.atomic import atomic_path
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import ImageState, former_names, image_states


def tidy(workspace: Workspace) -> None:
    """Remove names that a killed correction left. Call it before files are read."""
    current = {image.filename for image in image_states(workspace.db)}
    by_case = {name.casefold(): name for name in current}
    for name in set(former_names(workspace.db)) - current:
        take_name_away(workspace, name, by_case.get(name.casefold(), ""))
    for image in image_states(workspace.db):
        hidden = removed_folder(workspace) / image.filename
        if image.reason is not None and hidden.exists():
            (workspace.images / image.filename).unlink(missing_ok=True)


def removed_folder(workspace: Workspace) -> Path:
    """Return the folder of the files of removed images."""
    return workspace.path / "removed"


def image_file(workspace: Workspace, filename: str) -> Path:
    """Return the file of an image; that of a removed image is in another folder."""
    path = workspace.images / filename
    return path if path.exists() else removed_folder(workspace) / filename


def removed_places(workspace: Workspace, image: ImageState) -> list[tuple[Path, Path]]:
    """Return the files of an image, each with its place in ``removed/``."""
    folder = removed_folder(workspace)
    kept = [workspace.images / image.filename]
    originals = workspace.path / "originals"
    # Looked for in both places, because the suffix is that of the source.
    for place in (originals, folder):
        kept += [originals / path.name for path in place.glob(f"{image.sha256}*")]
    return [(path, folder / path.name) for path in dict.fromkeys(kept)]


def rendition(workspace: Workspace, filename: str) -> Path:
    """Return the PNG copy of an image that annotators see."""
    return workspace.renditions / "images" / f"{Path(filename).stem}.png"


def add_name(file: Path, other: Path) -> None:
    """Give a file a second name; a file that does not exist is left alone.

    Raises:
        RsitmdError: Another file has the name, or it cannot be written.
    """
    if not file.exists():
        return
    if other.exists():
        # Left behind by a command that was killed.
        if filecmp.cmp(file, other, shallow=False):
            return
        raise RsitmdError("already exists", where=other, hint="move this file elsewhere")
    try:
        other.parent.mkdir(exist_ok=True)
        os.link(file, other)
    except OSError:
        # Some file systems have no hard links.
        with atomic_path(other) as partial:
            shutil.copyfile(file, partial)


def take_name_away(workspace: Workspace, name: str, now: str) -> None:
    """Remove the files that have a former name of an image.

    Its rendition stays until a push has given the tasks the new name: annotators see it until then.

    Args:
        workspace: The workspace.
        name: The former name.
        now: The name that the image has now. If it differs in case only, and the file system
            ignores case, both names are one file, which stays.
    """
    for folder in (workspace.images, removed_folder(workspace)):
        former, current = folder / name, folder / now
        if name.casefold() == now.casefold() and former.exists() and current.exists():
            listed = {entry.name for entry in folder.iterdir()}
            if now not in listed:  # one file, whose name gets the new case
                former.rename(current)
                continue
            if name not in listed:
                continue
        former.unlink(missing_ok=True)

"""Files that a command writes: never over a file of the workspace itself."""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.workspace.settings import FILENAME
from rsitmd_tools.workspace.store import DATABASE, LOCK

OWN = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", FILENAME, LOCK)
OWN_FOLDERS = ("images", "originals", "removed", "renditions", "studio")


def refuse_own_file(workspace: Path, target: Path) -> None:
    """Refuse to write over a file of a workspace, or into one of its folders.

    Args:
        workspace: The folder of the workspace.
        target: The file that a command is about to write.

    Raises:
        WrongUsage: The file belongs to the workspace.
    """
    folder, file = workspace.resolve(), target.resolve()
    if not file.is_relative_to(folder):
        return
    first, *below = file.relative_to(folder).parts or ("",)
    if (first in OWN and not below) or first in OWN_FOLDERS or not first:
        raise WrongUsage("belongs to the workspace", where=target, hint="use another file")

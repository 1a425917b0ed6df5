"""The error of a command that needs images, for a workspace that has none."""

from __future__ import annotations

from rsitmd_tools.errors import RsitmdError, command_line, count_of
from rsitmd_tools.workspace.imported import names_without_file
from rsitmd_tools.workspace.store import Workspace


def no_images(workspace: Workspace) -> RsitmdError:
    """Return the error, whose hint adds the images: new ones, or those of imported texts."""
    waiting = len(names_without_file(workspace))
    if waiting:
        return RsitmdError(
            f"has the texts of {count_of(waiting, 'image')}, but no image file",
            where=workspace.path,
            hint="to add the files, run: "
            + command_line("build", "import", workspace.path, "SRC", "--images", "FOLDER"),
        )
    return RsitmdError(
        "has no images",
        where=workspace.path,
        hint="run: " + command_line("build", "ingest", workspace.path, "FOLDER_OF_IMAGES"),
    )

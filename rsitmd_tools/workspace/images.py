"""The images of a workspace by name, category and content: the table ``image``."""

from __future__ import annotations

from rsitmd_tools.workspace.store import Workspace


def image_rows(workspace: Workspace) -> dict[str, int]:
    """Return the row in table ``image`` of every image, by file name."""
    rows = workspace.db.execute("SELECT id, filename FROM image")
    return {row["filename"]: row["id"] for row in rows}


def image_categories(workspace: Workspace) -> dict[str, str]:
    """Return the category of every image, by file name."""
    rows = workspace.db.execute("SELECT filename, category FROM image")
    return {row["filename"]: row["category"] for row in rows}


def filenames_by_content(workspace: Workspace) -> dict[str, str]:
    """Return the file name of every image, by the SHA-256 of its source file."""
    rows = workspace.db.execute("SELECT sha256, filename FROM image")
    return {row["sha256"]: row["filename"] for row in rows}

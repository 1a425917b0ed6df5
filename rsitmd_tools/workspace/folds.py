"""The test folds of images, for cross-validation."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rsitmd_tools.dataset.folds import folds_file, read_folds
from rsitmd_tools.workspace.store import Workspace

FACT = "folds"  # how the folds were assigned: number, seed and what is never parted


def stored_folds(workspace: Workspace) -> dict[str, int]:
    """Return the fold of each image that has one, by file name, without removed images."""
    rows = workspace.db.execute(
        "SELECT filename, fold FROM fold JOIN kept_image AS image ON image.id = image_id"
        " ORDER BY filename"
    )
    return {row["filename"]: row["fold"] for row in rows}


def folds_of(path: Path) -> dict[str, int]:
    """Return the folds of a workspace or release.

    Args:
        path: A workspace, a folder with ``folds.csv``, or a file beside it.

    Raises:
        RsitmdError: There are no folds.
    """
    if not Workspace.is_workspace(path):
        return read_folds(folds_file(path))
    with Workspace.open(path) as workspace:
        return stored_folds(workspace)


def folds_request(workspace: Workspace) -> dict[str, Any] | None:
    """Return how the folds were assigned (``folds``, ``seed``, ``by``), or None without folds."""
    recorded = workspace.fact(FACT)
    return None if recorded is None else dict(json.loads(recorded))


def set_folds(
    workspace: Workspace,
    db: sqlite3.Connection,
    folds: Iterable[tuple[str, int]],
    request: dict[str, Any],
    *,
    clear: bool,
) -> None:
    """Set the folds of images. Call it inside a transaction.

    Args:
        workspace: The workspace.
        db: Its database.
        folds: Pairs of an image's file name and its fold.
        request: How the folds were assigned.
        clear: Whether all other images, removed ones included, lose their fold.
    """
    if clear:
        db.execute("DELETE FROM fold")
    db.executemany(
        "INSERT OR REPLACE INTO fold (image_id, fold) SELECT id, ? FROM image WHERE filename = ?",
        ((fold, name) for name, fold in folds),
    )
    workspace.set_fact(FACT, json.dumps(request, sort_keys=True))

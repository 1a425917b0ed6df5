"""What a workspace holds, to compare two of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rsitmd_tools.workspace import Workspace

State = tuple[dict[str, list[tuple[Any, ...]]], dict[str, bytes]]


def state(folder: Path) -> State:
    """Rows and bytes of a workspace, all but the times."""
    tables = {
        "image": "id, sha256, filename, category, number, source, width, height, pixel_sha256,"
        " phash, duplicate_group, split",
        "scene": "*",
        "place": "*",
        "rejected": "source, reason",
    }
    with Workspace.open(folder) as workspace:
        rows = {
            table: [tuple(row) for row in workspace.db.execute(f"SELECT {columns} FROM {table}")]
            for table, columns in tables.items()
        }
        files = {path.name: path.read_bytes() for path in workspace.images.iterdir()}
    return rows, files

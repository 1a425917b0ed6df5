"""What a workspace holds, to compare two of them: every table and every file but the settings."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rsitmd_tools.workspace import Workspace

Contents = tuple[dict[str, list[tuple[object, ...]]], dict[str, str]]
NOT_TIMES = ("found_at",)  # a path
LEFT_OUT = ("workspace.db", "rsitmd.toml")  # settings have the name of the folder


def contents(folder: Path) -> Contents:
    """Return the rows of all tables without the times, and the digests of the files."""
    with Workspace.open(folder) as workspace:
        db = workspace.db
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        tables = [
            row["name"]
            for row in db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
        ]
        rows = {
            table: [tuple(row) for row in db.execute(_query(workspace, table))] for table in tables
        }
    files = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(LEFT_OUT)
    }
    return rows, files


def _query(workspace: Workspace, table: str) -> str:
    """Return a query of all columns but those of times, in an order that depends on values."""
    columns = [
        row["name"]
        for row in workspace.db.execute(f"PRAGMA table_info({table})")
        if row["name"] in NOT_TIMES or not row["name"].endswith(("_at", "read_ns"))
    ]
    places = ", ".join(str(place) for place in range(1, len(columns) + 1))
    return f"SELECT {', '.join(columns)} FROM {table} ORDER BY {places}"

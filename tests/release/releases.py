"""Releases that tests make, and their contents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rsitmd_tools.release import ReleaseReport, make_release, verify_release
from rsitmd_tools.workspace import Workspace


def release(workspace: Path, out: Path, version: str = "1.0.0") -> ReleaseReport:
    with Workspace.open(workspace) as opened:
        return make_release(opened, version, out)


def files(folder: Path) -> int:
    """Return the number of files of an intact release."""
    found = verify_release(folder)
    assert found.differences == ()
    return found.files


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def change(workspace: Path, sql: str, *values: Any) -> None:
    with Workspace.open(workspace, write=True) as opened, opened.transaction() as db:
        db.execute(sql, values)

"""Releases that tests make, and their contents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rsitmd_tools.release import ReleaseOptions, ReleaseReport, make_release, verify_release
from rsitmd_tools.release.checksums import write_checksums
from rsitmd_tools.workspace import Workspace


def release(workspace: Path, out: Path, version: str = "1.0.0", **options: Any) -> ReleaseReport:
    with Workspace.open(workspace) as opened:
        return make_release(opened, version, out, ReleaseOptions(**options))


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


def problems(folder: Path) -> dict[str, str]:
    return {found.file: found.problem for found in verify_release(folder).differences}


def rewrite(release: Path, file: str, old: str, new: str) -> None:
    """Change a file and write its checksum again."""
    text = (release / file).read_text(encoding="utf-8")
    assert old in text
    (release / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    write_checksums(release)

"""Source files that were read: those that did not change since are not read again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

# A file that was changed less than this before it was read, or while it was read, can have other
# bytes and the same times: the clocks of file systems are coarse.
RACY_NS = 2_000_000_000


class SourceState(NamedTuple):
    """The state of a source file when it was read.

    Attributes:
        size: Size in bytes.
        mtime_ns: Time of the last change of its bytes.
        ctime_ns: Time of the last change of its bytes, name or permissions.
        read_ns: When reading began, by the clock of the computer.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    read_ns: int


def state_of(stat: os.stat_result, read_ns: int) -> SourceState:
    """Return the state of a file."""
    return SourceState(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, read_ns)


def unchanged_sha256(db: sqlite3.Connection, path: str, stat: os.stat_result) -> str | None:
    """Return the SHA-256 of a file that certainly did not change since it was read, or None.

    Args:
        db: The workspace's database.
        path: Resolved path of the file.
        stat: Its current state.
    """
    row = db.execute(
        "SELECT sha256, size, mtime_ns, ctime_ns, read_ns FROM source_file WHERE path = ?", (path,)
    ).fetchone()
    if row is None:
        return None
    sha256, *recorded = row
    state = SourceState(*recorded)
    if state[:3] != (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns):
        return None
    racy = max(state.mtime_ns, state.ctime_ns) >= state.read_ns - RACY_NS
    return None if racy else str(sha256)


def record_sources(db: sqlite3.Connection, sources: Iterable[tuple[str, str, SourceState]]) -> None:
    """Store files that were read. Call it inside a transaction.

    Args:
        db: The workspace's database.
        sources: Resolved path, SHA-256 and state of each file.
    """
    db.executemany(
        "INSERT OR REPLACE INTO source_file (path, sha256, size, mtime_ns, ctime_ns, read_ns)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        ((path, sha256, *state) for path, sha256, state in sources),
    )


def forget_sources(db: sqlite3.Connection, paths: Iterable[str]) -> None:
    """Forget files, so that the next ingest reads them. Call it inside a transaction."""
    db.executemany("DELETE FROM source_file WHERE path = ?", ((path,) for path in paths))

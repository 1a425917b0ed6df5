"""Source files that were read: those that did not change since are not read again."""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
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


class KnownSource(NamedTuple):
    """A source file that was read.

    Attributes:
        sha256: Its SHA-256.
        state: Its state when it was read.
    """

    sha256: str
    state: SourceState

    def is_unchanged(self, stat: os.stat_result) -> bool:
        """Return whether the file certainly did not change since it was read."""
        state = self.state
        same = state[:3] == (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        return same and max(state.mtime_ns, state.ctime_ns) < state.read_ns - RACY_NS


def unchanged_sha256(db: sqlite3.Connection, path: str, stat: os.stat_result) -> str | None:
    """Return the SHA-256 of a file that certainly did not change since it was read, or None.

    Args:
        db: The workspace's database.
        path: Resolved path of the file.
        stat: Its current state.
    """
    row = db.execute(f"SELECT {_KNOWN} FROM source_file WHERE path = ?", (path,)).fetchone()
    if row is None:
        return None
    source = _known(*row)
    return source.sha256 if source.is_unchanged(stat) else None


def known_scenes(db: sqlite3.Connection) -> dict[str, KnownSource]:
    """Return the files of scenes that were cut into tiles, by resolved path."""
    rows = db.execute(
        f"SELECT path, {_KNOWN} FROM source_file"
        " WHERE EXISTS (SELECT 1 FROM scene WHERE scene.sha256 = source_file.sha256)"
    )
    return {path: _known(*row) for path, *row in rows}


_KNOWN = "sha256, size, mtime_ns, ctime_ns, read_ns"


def _known(sha256: str, *state: int) -> KnownSource:
    return KnownSource(str(sha256), SourceState(*state))


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


def outdated_images(db: sqlite3.Connection, before: int) -> list[tuple[str, str]]:
    """Return the images whose source had another content than in the images that were added.

    An image is not outdated if another source file has its content: files were renamed.

    Args:
        db: The workspace's database.
        before: Row of the last image before the new ones.

    Returns:
        Source and file name of each outdated image, in the order in which they were added.
    """
    if db.execute("SELECT 1 FROM image WHERE id > ?", (before,)).fetchone() is None:
        return []
    new: dict[str, set[str]] = defaultdict(set)
    earlier: list[tuple[str, str, str]] = []
    for row, source, filename, content in db.execute(_CONTENTS):
        if row > before:
            new[source].add(content)
        else:
            earlier.append((source, filename, content))
    changed = [old for old in earlier if old[0] in new and old[2] not in new[old[0]]]
    if not changed:
        return []
    elsewhere = {
        sha256
        for path, sha256 in db.execute("SELECT path, sha256 FROM source_file")
        if path not in new
    }
    return [(source, filename) for source, filename, content in changed if content not in elsewhere]


# Ingested images and the SHA-256 of their files. Tiles have that of their scene.
_CONTENTS = (
    "SELECT kept_image.id, kept_image.source, filename,"
    " coalesce(scene.sha256, kept_image.sha256) AS content FROM kept_image"
    " LEFT JOIN place ON image_id = kept_image.id LEFT JOIN scene ON scene.id = scene_id"
    " WHERE kept_image.id NOT IN"
    " (SELECT image_id FROM imported_image WHERE image_id IS NOT NULL) ORDER BY kept_image.id"
)

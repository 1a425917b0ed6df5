"""Databases without write permission, such as a mounted backup or somebody else's.

SQLite in WAL mode writes a shared-memory file beside the database even for reading. If it cannot,
the database is copied into memory. If a writer was killed, changes may be left in a ``-wal`` file;
they are merged in the copy. The folder may be writable elsewhere, so a copy counts only if the
files did not change meanwhile.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from rsitmd_tools.errors import RsitmdError, reason

ATTEMPTS = 5  # to copy a database that changes meanwhile


class _Stamp(NamedTuple):
    """Size, time of the last change and number of a file; zeros for a missing one."""

    size: int = 0
    changed: int = 0
    number: int = 0


def is_read_only(database: Path) -> bool:
    """Return whether a database or its folder is not writable."""
    files = (database.parent, database)
    return any(file.exists() and not os.access(file, os.W_OK) for file in files)


def open_read_only(database: Path) -> sqlite3.Connection:
    """Open a database that cannot be written, or whose folder cannot be written.

    Raises:
        sqlite3.Error: The file is not a database.
        RsitmdError: The ``-wal`` file has changes and cannot be read, or the files are changed
            again and again.
    """
    log, memory = (database.with_name(f"{database.name}{end}") for end in ("-wal", "-shm"))
    for _ in range(ATTEMPTS):
        # If the files of a writer are complete, SQLite reads them itself. If they do not exist,
        # SQLite would create them in a writable folder, and the owner of the database could not
        # write to them.
        if memory.exists():
            with suppress(sqlite3.OperationalError):
                return _opened(database, "mode=ro")
        before = _stamps(database, log)
        try:
            copy = _merged_copy(database, log) if before[1].size else _copy(database)
        except sqlite3.Error:
            if _stamps(database, log) == before:
                raise
            continue
        if _stamps(database, log) == before:
            return copy
        copy.close()
    raise RsitmdError(
        "is being changed by another command",
        where=database,
        hint="run the same command again when it has ended",
    )


def _stamps(*files: Path) -> list[_Stamp]:
    """Return the size, time and number of each file, to notice changes.

    Raises:
        RsitmdError: A file cannot be looked at.
    """
    stamps = []
    for file in files:
        try:
            found = file.stat()
        except FileNotFoundError:
            stamps.append(_Stamp())
        except OSError as error:
            raise _unreadable(file, error) from error
        else:
            stamps.append(_Stamp(found.st_size, found.st_mtime_ns, found.st_ino))
    return stamps


def _opened(database: Path, options: str) -> sqlite3.Connection:
    db = sqlite3.connect(
        f"{database.resolve().as_uri()}?{options}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
    except BaseException:
        db.close()
        raise
    return db


def _copy(database: Path) -> sqlite3.Connection:
    """Return a copy in memory of a database without changes in a ``-wal`` file."""
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        with closing(_opened(database, "mode=ro&immutable=1")) as source:
            source.backup(memory)
    except BaseException:
        memory.close()
        raise
    return memory


def _merged_copy(database: Path, log: Path) -> sqlite3.Connection:
    """Return a copy in memory of a database with the changes in its ``-wal`` file."""
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        with _scratch_folder() as scratch:
            copy = Path(scratch) / database.name
            for source, target in ((database, copy), (log, copy.with_name(log.name))):
                try:
                    # Without their permissions, because SQLite writes to both.
                    shutil.copyfile(source, target)
                except OSError as error:
                    raise _unreadable(source, error) from error
            with closing(sqlite3.connect(copy)) as merged:
                merged.backup(memory)
    except BaseException:
        memory.close()
        raise
    return memory


def _scratch_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory()
    except OSError as error:
        raise RsitmdError(
            f"cannot create a temporary folder ({reason(error)})",
            where="TMPDIR",
            hint="set TMPDIR to a folder with write permission",
        ) from error


def _unreadable(path: Path, error: OSError) -> RsitmdError:
    return RsitmdError(
        f"cannot be read ({reason(error)})",
        where=path,
        hint="copy the workspace to a folder with write permission",
    )

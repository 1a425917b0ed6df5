"""Databases in folders without write permission, such as a mounted backup.

SQLite in WAL mode writes a shared-memory file beside the database even for reading. If it cannot,
the database is opened as immutable. If a writer was killed, changes may be left in a ``-wal``
file; they are merged in a copy in memory.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from rsitmd_tools.errors import RsitmdError, reason


def is_read_only(database: Path) -> bool:
    """Return whether the folder of a database is not writable."""
    return not os.access(database.parent, os.W_OK)


def open_read_only(database: Path) -> sqlite3.Connection:
    """Open a database whose folder cannot be written.

    Raises:
        sqlite3.Error: The file is not a database.
        RsitmdError: The ``-wal`` file has changes and cannot be read.
    """
    # SQLite reads the files of a writer itself if they are complete.
    try:
        return _opened(database, "mode=ro")
    except sqlite3.OperationalError:
        pass
    log = database.with_name(f"{database.name}-wal")
    try:
        unmerged = log.stat().st_size > 0
    except FileNotFoundError:
        unmerged = False
    except OSError as error:
        raise _unreadable(log, error) from error
    return _merged_copy(database, log) if unmerged else _opened(database, "mode=ro&immutable=1")


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

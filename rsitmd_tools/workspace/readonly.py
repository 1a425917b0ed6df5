"""A workspace's database in a place that cannot be written: a mounted backup, a shared folder.

SQLite in WAL mode writes a file of shared memory beside the database even to read it. Where it
cannot, the database is opened as immutable: nobody can be writing through this folder. Changes
that were never merged into the database file (``-wal``, after a writer was killed) are merged in
a copy in memory.
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
    """Say whether nothing can be written beside a database."""
    return not os.access(database.parent, os.W_OK)


def open_read_only(database: Path) -> sqlite3.Connection:
    """Open a database whose folder cannot be written.

    Raises:
        sqlite3.Error: The file is no database.
        RsitmdError: It has changes in a ``-wal`` file that cannot be read.
    """
    # With the files of a writer that is at work, or was killed, SQLite reads them by itself.
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
                    # Not their permissions: SQLite writes both.
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
            hint="set TMPDIR to a folder that you can write to",
        ) from error


def _unreadable(path: Path, error: OSError) -> RsitmdError:
    return RsitmdError(
        f"cannot be read ({reason(error)})",
        where=path,
        hint="copy the workspace to a folder that you may write to",
    )

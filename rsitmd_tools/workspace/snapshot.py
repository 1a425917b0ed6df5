"""Consistent copies of SQLite databases that are in use."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from rsitmd_tools.errors import RsitmdError, reason

BUSY_SECONDS = 60


def copy_database(source: Path, copy: Path) -> None:
    """Copy a database in its state at one moment and check the copy.

    Other processes may write to the database meanwhile.

    Args:
        source: File of the database.
        copy: File of the copy; it must not exist.

    Raises:
        RsitmdError: The database cannot be read or is damaged.
    """
    try:
        with (
            contextlib.closing(sqlite3.connect(source, timeout=BUSY_SECONDS)) as there,
            contextlib.closing(sqlite3.connect(copy)) as here,
        ):
            there.backup(here)  # all pages in one step, so that no write comes in between
            here.execute("PRAGMA journal_mode = DELETE")
            if here.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise RsitmdError("is damaged", where=source, hint="restore an earlier backup")
    except sqlite3.Error as error:
        raise RsitmdError(
            f"cannot be copied ({reason(error)})", where=source, hint="try again"
        ) from error

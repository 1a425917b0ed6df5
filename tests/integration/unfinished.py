"""What is left of a first start that was killed."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from rsitmd_tools.studio.server.embedded import SQLITE


def write_unfinished_database(studio: Path) -> None:
    """Write what a first start leaves that is killed in its migrations."""
    file = studio / SQLITE
    file.parent.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(file)) as db, db:
        db.execute(
            "CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app TEXT, name TEXT,"
            " applied TEXT)"
        )
        db.execute(
            "INSERT INTO django_migrations VALUES"
            " (1, 'tasks', '0002_auto_20210305_2035', '2026-01-01 00:00:00')"
        )

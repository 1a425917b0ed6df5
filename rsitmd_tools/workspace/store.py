"""The workspace: a folder with ``rsitmd.toml``, ``workspace.db`` and ``images/``."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from rsitmd_tools.atomic import write_text
from rsitmd_tools.errors import RsitmdError, WrongUsage, command_line, reason
from rsitmd_tools.workspace import schema
from rsitmd_tools.workspace.finished import create_views
from rsitmd_tools.workspace.lock import WriterLock
from rsitmd_tools.workspace.readonly import is_read_only, open_read_only
from rsitmd_tools.workspace.settings import FILENAME, Settings, load_settings, new_settings

DATABASE = "workspace.db"
LOCK = ".lock"
BUSY_SECONDS = 30.0
OWNER_ONLY = 0o600  # the database contains names, addresses and texts


def utc_now() -> str:
    """Return the current time in the format of the database: ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Workspace:
    """An open workspace, to be used as a context manager.

    Any number of processes can read it (SQLite in WAL mode). One process at a time can write. A
    workspace opened for reading is seen as it was when it was opened, until it is closed: what
    other processes write meanwhile is not seen, in whole or in part.

    Attributes:
        path: The folder.
        settings: The settings of ``rsitmd.toml``.
        db: The database, in autocommit mode if it was opened for writing. Use :meth:`transaction`
            for changes.
    """

    def __init__(
        self, path: Path, settings: Settings, db: sqlite3.Connection, lock: WriterLock | None
    ) -> None:
        self.path = path
        self.settings = settings
        self.db = db
        self._lock = lock

    @classmethod
    def create(
        cls, path: Path, name: str | None = None, *, text_licence: str = "", image_licence: str = ""
    ) -> Self:
        """Create a workspace, or complete an interrupted creation, and open it for writing.

        Args:
            path: The folder; created if it does not exist. Existing files are kept.
            name: Name of the dataset; by default the name of the folder.
            text_licence: Licence of the texts, for new settings.
            image_licence: Licence of the images, for new settings.

        Raises:
            RsitmdError: The folder cannot be written to, or has files in ``images/`` but is not
                a workspace.
        """
        try:
            if not (path / DATABASE).exists() and any((path / "images").glob("*")):
                # Ingest would overwrite files of the same name.
                raise RsitmdError(
                    "already contains files",
                    where=path / "images",
                    hint="create the workspace in a new folder and ingest this one",
                )
            path.mkdir(parents=True, exist_ok=True)
            (path / "images").mkdir(exist_ok=True)
        except OSError as error:
            raise RsitmdError(
                f"cannot be created ({reason(error)})",
                where=path,
                hint="choose a folder you may write to",
            ) from error
        if not (path / FILENAME).exists():
            text = new_settings(
                name or path.resolve().name, text_licence=text_licence, image_licence=image_licence
            )
            write_text(path / FILENAME, text)
        if not (path / ".gitignore").exists():
            write_text(path / ".gitignore", "studio/\n.lock\n.backup.lock\n*.db-wal\n*.db-shm\n")
        return cls._open(path, write=True, make=True)

    @classmethod
    def open(cls, path: Path, *, write: bool = False) -> Self:
        """Open a workspace.

        Args:
            path: The folder.
            write: Take the writer's lock. Otherwise the database is opened read-only, and the
                folder does not have to be writable.

        Raises:
            RsitmdError: It is not a workspace, its settings are invalid, it was written by a
                newer version, or another process is writing to it.
        """
        if not cls.is_workspace(path):
            raise RsitmdError(
                "is not a workspace",
                where=path,
                hint=f"to create one, run: {command_line('build', 'init', path)}",
            )
        return cls._open(path, write=write, make=False)

    @staticmethod
    def is_workspace(path: Path) -> bool:
        """Return whether a folder is a workspace."""
        return (path / DATABASE).is_file() and (path / FILENAME).is_file()

    @classmethod
    def _open(cls, path: Path, *, write: bool, make: bool) -> Self:
        settings = load_settings(path / FILENAME)
        lock = WriterLock(path / LOCK) if write else None
        try:
            if lock is not None:
                lock.acquire()
            page = settings.annotation.works_like
            db = _connect(path / DATABASE, page, write=write, make=make)
        except (OSError, sqlite3.Error) as error:
            if lock is not None:
                lock.release()
            if write and is_read_only(path / DATABASE):
                raise RsitmdError(
                    f"cannot be written ({reason(error)})",
                    where=path,
                    hint="copy the workspace to a folder with write permission",
                ) from error
            raise RsitmdError(
                f"cannot be opened ({reason(error)})",
                where=path / DATABASE,
                hint="check that the file is not damaged and that you can read and write it",
            ) from error
        except RsitmdError:
            if lock is not None:
                lock.release()
            raise
        return cls(path, settings, db, lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database and release the lock."""
        self.db.close()
        if self._lock is not None:
            self._lock.release()

    @property
    def images(self) -> Path:
        """Folder of the normalised TIFF images."""
        return self.path / "images"

    @property
    def renditions(self) -> Path:
        """Folder of the PNG copies for browsers."""
        return self.path / "renditions"

    @property
    def studio(self) -> Path:
        """Folder of the data and secrets of the Label Studio server."""
        return self.path / "studio"

    @property
    def prior(self) -> Path:
        """Folder of the prior similarity files."""
        return self.path / "prior"

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run a block as one transaction: all of its changes are kept, or none.

        Raises:
            RsitmdError: The database cannot be written to, for example on a full disk.
        """
        if self._lock is None:
            raise WrongUsage("the workspace was opened read only", where=self.path)
        try:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise RsitmdError(
                f"cannot be written ({reason(error)})",
                where=self.path / DATABASE,
                hint=_hint(error),
            ) from error

    def fact(self, key: str) -> str | None:
        """Return the value stored under ``key``, or None."""
        row = self.db.execute("SELECT value FROM fact WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row["value"])

    def facts(self, prefix: str) -> dict[str, str]:
        """Return the values of the keys that begin with ``prefix``, by key."""
        rows = self.db.execute("SELECT key, value FROM fact ORDER BY key").fetchall()
        return {row["key"]: str(row["value"]) for row in rows if row["key"].startswith(prefix)}

    def set_fact(self, key: str, value: str) -> None:
        """Store a value under ``key``. Call it inside a transaction."""
        self.db.execute(
            "INSERT INTO fact VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key, value),
        )


def _hint(error: sqlite3.OperationalError) -> str:
    # Errors of Python's module have no code. The lowest byte is the code without its details.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_READONLY:
        return "check the permissions of the folder and its files"
    if code == sqlite3.SQLITE_BUSY:
        return "close the program that uses the database, and run the same command again"
    return "free some space and run the same command again"


def _connect(path: Path, page: str, *, write: bool, make: bool) -> sqlite3.Connection:
    if write:
        _keep_private(path.resolve(), make=make)
    mode = "rwc" if make else "rw"
    if not write and is_read_only(path):
        db = open_read_only(path)
    else:
        # Readers also use mode rw, because WAL needs a shared-memory file. query_only prevents
        # changes.
        db = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={mode}",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
    try:
        db.row_factory = sqlite3.Row
        if not write:
            # All queries read the state of the first one.
            db.execute("BEGIN")
        schema.refuse_newer(schema.version(db), str(path))
        db.execute("PRAGMA foreign_keys = ON")
        if write:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            schema.migrate(db, str(path))
            create_views(db, page)
        else:
            if schema.version(db) < schema.VERSION:
                raise RsitmdError(
                    f"has the old database schema {schema.version(db)}",
                    where=path,
                    hint=f"to update it, run: {command_line('build', 'init', path.parent)}",
                )
            create_views(db, page)
            db.execute("PRAGMA query_only = ON")
    except BaseException:
        db.close()
        raise
    return db


def _keep_private(path: Path, *, make: bool) -> None:
    """Make the database readable by its owner only; SQLite uses the mode for its other files."""
    if make:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY))
    # By path, because opening and closing the file would release locks of other connections.
    for file in (path, *(path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm"))):
        # The mode of another user's file cannot be changed. Opening it reports any real problem.
        with suppress(FileNotFoundError, PermissionError):
            if file.stat().st_mode & 0o777 != OWNER_ONLY:
                file.chmod(OWNER_ONLY)

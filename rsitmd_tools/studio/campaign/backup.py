"""``annotate backup`` and ``restore``: workspace and server data in one file, while people work.

The workspace's database is copied first and the server's after it: the server's copy then
holds all that the workspace knows, and a pull after a restore brings the rest. Files come
after the databases that name them. Each database is copied as of one moment by SQLite's
online backup, whoever writes meanwhile.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rsitmd_tools import __version__
from rsitmd_tools.atomic import atomic_folder, atomic_path, remove_leftovers
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.progress import progress
from rsitmd_tools.studio.api.secrets import OWNER_ONLY, OWNER_ONLY_FOLDER
from rsitmd_tools.studio.server.database import recorded_postgres
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.lock import WriterLock
from rsitmd_tools.workspace.store import DATABASE, LOCK, utc_now

MANIFEST = "backup.json"
SERVER_DATABASE = "studio/data/label_studio.sqlite3"
BACKUP_LOCK = ".backup.lock"
SCRATCH = ".partial-backup-"
TARGET = "target"  # in the scratch folder: what it is for
# What only a running server or an unfinished write has, and what is made anew.
LEFT_OUT = (
    *(
        LOCK,
        BACKUP_LOCK,
        "studio/.server.lock",
        "studio/.tasks.lock",
        "studio/server.json",
        "studio/server.log",
    ),
    "renditions",
)
_UNFINISHED = (".partial-", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What a backup holds.

    Attributes:
        files: How many files.
        size: Their bytes.
        server: Where the server's data are: ``copied``, ``postgres``, ``elsewhere`` (a
            server that runs elsewhere) or ``none`` (no server was started yet).
    """

    files: int
    size: int
    server: str


def backup(folder: Path, target: Path) -> BackupReport:
    """Copy a workspace and the data of its server into one file, which only its owner reads.

    What a backup that was killed left behind is removed first; two at once cannot be.

    Args:
        folder: The workspace.
        target: The file, a tar archive; one that exists is replaced when the new is whole.

    Raises:
        RsitmdError: It is no workspace, another backup of it is being made, or the file
            cannot be written.
    """
    Workspace.open(folder).close()  # says what is wrong
    names = [DATABASE]
    if (folder / SERVER_DATABASE).is_file() and recorded_postgres(folder / "studio") is None:
        names.append(SERVER_DATABASE)
    manifest: dict[str, str] = {}
    size = 0
    with (
        _scratch(folder, target) as scratch,
        atomic_path(target, mode=OWNER_ONLY) as partial,
        tarfile.open(partial, "w") as archive,
    ):
        for name in names:  # the workspace's first
            copy = scratch / Path(name).name
            _copy_database(folder / name, copy)
            size += _add(archive, copy, name, manifest)
            copy.unlink()
        files = list(_files(folder, {*names, SERVER_DATABASE}, target))
        with progress("backup", len(files)) as step:
            for name in files:
                with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                    size += _add(archive, folder / name, name, manifest)
                step()
        _add_manifest(archive, manifest)
    return BackupReport(len(manifest), size, _server(folder, names))


def restore(source: Path, folder: Path) -> int:
    """Bring a backup back into a new folder, whole or not at all; return how many files.

    Raises:
        RsitmdError: The folder exists, or the file is no backup or is damaged.
    """
    try:
        with tarfile.open(source, "r:") as archive, atomic_folder(folder) as partial:
            partial.chmod(0o755)
            archive.extractall(partial, filter="data")
            if not (partial / MANIFEST).is_file():
                raise _damaged(source, "it holds no list of its files")
            manifest = json.loads((partial / MANIFEST).read_text(encoding="utf-8"))["files"]
            (partial / MANIFEST).unlink()
            there = {path.relative_to(partial).as_posix() for path in _regular(partial)}
            for name, digest in manifest.items():
                if name not in there or _sha256(partial / name) != digest:
                    raise _damaged(source, f"{name} is absent or changed")
            if there != set(manifest):
                raise _damaged(source, "holds files that no backup put there")
            (partial / DATABASE).chmod(OWNER_ONLY)  # older backups keep it readable for all
            if (partial / "studio").is_dir():
                (partial / "studio").chmod(OWNER_ONLY_FOLDER)
            return len(manifest)
    except (tarfile.TarError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(source) from error
    except OSError as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})", where=source, hint="give the file of a backup"
        ) from error


@contextlib.contextmanager
def _scratch(folder: Path, target: Path) -> Iterator[Path]:
    """Yield a folder to copy in; what backups that were killed left is removed first.

    The system frees the lock when its holder ends: what lies there now belongs to the dead.
    """
    lock = WriterLock(folder / BACKUP_LOCK)
    lock.acquire()
    try:
        for dead in folder.glob(f"{SCRATCH}*"):
            with contextlib.suppress(OSError):
                remove_leftovers(Path(os.fsdecode((dead / TARGET).read_bytes())))
            shutil.rmtree(dead, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=SCRATCH) as scratch:
            # The archive grows beside its target, which has another name the next time.
            (Path(scratch) / TARGET).write_bytes(os.fsencode(target.absolute()))
            yield Path(scratch)
    except OSError as error:
        raise RsitmdError(
            f"cannot be written ({reason(error)})", where=folder, hint="free some space"
        ) from error
    finally:
        lock.release()


def _copy_database(source: Path, copy: Path) -> None:
    """Copy a database as of one moment."""
    try:
        with (
            contextlib.closing(sqlite3.connect(source, timeout=60)) as there,
            contextlib.closing(sqlite3.connect(copy)) as here,
        ):
            there.backup(here)  # all pages in one step: nobody writes in between
            here.execute("PRAGMA journal_mode = DELETE")
            if here.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise RsitmdError("is damaged", where=source, hint="restore an earlier backup")
    except sqlite3.Error as error:
        raise RsitmdError(
            f"cannot be copied ({reason(error)})", where=source, hint="try again"
        ) from error


def _files(folder: Path, taken: set[str], target: Path) -> Iterator[str]:
    """Yield the names of the other files to copy, the secrets among them."""
    for path in _regular(folder):
        name = path.relative_to(folder).as_posix()
        left_out = any(name == entry or name.startswith(f"{entry}/") for entry in LEFT_OUT)
        unfinished = any(mark in path.name for mark in _UNFINISHED) or ".partial-" in name
        passed_over = left_out or unfinished or path.resolve() == target.resolve()
        if name not in taken and not passed_over:
            yield name


def _regular(folder: Path) -> Iterator[Path]:
    return (p for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink())


def _add(archive: tarfile.TarFile, path: Path, name: str, manifest: dict[str, str]) -> int:
    """Add a file as it is now, and its checksum."""
    with path.open("rb") as stream:
        entry = archive.gettarinfo(arcname=name, fileobj=stream)
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        if name in (DATABASE, SERVER_DATABASE):
            entry.mode = OWNER_ONLY
        reader = _Hashing(stream)
        archive.addfile(entry, reader)  # type: ignore[arg-type]
    manifest[name] = reader.digest.hexdigest()
    return entry.size


class _Hashing:
    """A stream that hashes what is read from it."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self.digest.update(data)
        return data


def _add_manifest(archive: tarfile.TarFile, manifest: dict[str, str]) -> None:
    document = {"tool": f"rsitmd-tools {__version__}", "made_at": utc_now(), "files": manifest}
    data = json.dumps(document, indent=1).encode()
    entry = tarfile.TarInfo(MANIFEST)
    entry.size = len(data)
    archive.addfile(entry, io.BytesIO(data))


def _server(folder: Path, names: list[str]) -> str:
    if (folder / "studio" / "connection.json").exists():
        return "elsewhere"
    if recorded_postgres(folder / "studio") is not None:
        return "postgres"
    return "copied" if SERVER_DATABASE in names else "none"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _damaged(source: Path, what: str = "") -> RsitmdError:
    told = f" ({what})" if what else ""
    return RsitmdError(f"is no whole backup{told}", where=source, hint="give another backup")

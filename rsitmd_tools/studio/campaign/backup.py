"""``annotate backup`` and ``restore``: workspace and server data in one file.

Annotators can work during a backup. The workspace's database is copied first, then the
server's: so the server's copy contains everything that the workspace refers to, and a pull after
a restore adds the rest. Files are copied after the databases that refer to them. SQLite's online
backup copies each database in its state at one moment.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
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
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.progress import progress
from rsitmd_tools.studio.api.connection import is_connected
from rsitmd_tools.studio.api.secrets import OWNER_ONLY, OWNER_ONLY_FOLDER
from rsitmd_tools.studio.server.database import recorded_postgres
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import count_moves
from rsitmd_tools.workspace.lock import WriterLock
from rsitmd_tools.workspace.outputs import OWN_FOLDERS, refuse_own_file
from rsitmd_tools.workspace.snapshot import copy_database
from rsitmd_tools.workspace.store import DATABASE, LOCK, utc_now

MANIFEST = "backup.json"
SERVER_DATABASE = "studio/data/label_studio.sqlite3"
BACKUP_LOCK = ".backup.lock"
SCRATCH = ".partial-backup-"
TARGET = "target"  # file in the scratch folder with the path of the backup
# Files of a running server or of an unfinished write, and files that can be created again.
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
NO_BYTES = hashlib.sha256(b"").hexdigest()
# Of SQLite; other files may end like this, too.
_OF_DATABASE = re.compile(r"\.(?:db|sqlite3)-(?:wal|shm|journal)$")
# Of an unfinished write, as :mod:`rsitmd_tools.atomic` names it.
_UNFINISHED = re.compile(r"(?:^|/)\.(?:[^/]*\.)?partial-")


@dataclass(frozen=True, slots=True)
class BackupReport:
    """The contents of a backup.

    Attributes:
        files: Number of files.
        size: Their size in bytes.
        server: ``copied``, ``postgres`` (the data must be saved by ``pg_dump``), ``elsewhere``
            (the server runs on another machine) or ``none`` (no server was started yet).
        left_out: What is not in the backup: targets of links of folders that are not the
            workspace's own, of files that do not exist, and circles; folders that cannot be read.
    """

    files: int
    size: int
    server: str
    left_out: tuple[str, ...] = ()


def backup(folder: Path, target: Path) -> BackupReport:
    """Copy a workspace and the data of its server into one file that only its owner can read.

    Leftovers of interrupted backups are removed first. Only one backup can run at a time. Links
    are replaced by what they point to. Earlier backups in the workspace are left out.

    Args:
        folder: The workspace.
        target: The file, a tar archive; an existing file is replaced when the backup is complete.

    Raises:
        RsitmdError: The folder is not a workspace, another backup of it is running, the file
            cannot be written, or a correction of images moved files meanwhile.
    """
    Workspace.open(folder).close()  # raises an error if it is not a workspace
    refuse_own_file(folder, target)
    names = [DATABASE]
    if (folder / SERVER_DATABASE).is_file() and recorded_postgres(folder / "studio") is None:
        names.append(SERVER_DATABASE)
    manifest: dict[str, str] = {}
    size = 0
    with (
        _scratch(folder, target) as scratch,
        atomic_path(target, mode=OWNER_ONLY) as partial,
        # Files with several names are copied as several files.
        tarfile.open(partial, "w", dereference=True) as archive,
    ):
        for name in names:  # the workspace's database comes first
            copy = scratch / Path(name).name
            copy_database(folder / name, copy)
            size += _add(archive, copy, name, manifest)
            if name == DATABASE:
                with contextlib.closing(sqlite3.connect(copy)) as db:
                    moves = count_moves(db)
            copy.unlink()
        links: list[str] = []
        files = list(_files(folder, {*names, SERVER_DATABASE}, target, links))
        with progress("backup", len(files)) as step:
            for name in files:
                with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                    size += _add(archive, folder / name, name, manifest)
                step()
        with Workspace.open(folder) as workspace:
            moved = count_moves(workspace.db) != moves  # the database's copy names former files
        if moved:
            raise RsitmdError(
                "images were renamed, removed or restored during the backup",
                where=folder,
                hint="run the same command again",
            )
        _add_manifest(archive, manifest)
    return BackupReport(len(manifest), size, _server(folder, names), tuple(links))


def restore(source: Path, folder: Path) -> int:
    """Restore a backup into a new folder, completely or not at all.

    Args:
        source: File of the backup.
        folder: The folder; it must not exist.

    Returns:
        The number of files.

    Raises:
        RsitmdError: The folder exists, or the file is not a backup or is damaged.
    """
    try:
        with tarfile.open(source, "r:") as archive, atomic_folder(folder) as partial:
            partial.chmod(0o755)
            archive.extractall(partial, filter="data")
            if not (partial / MANIFEST).is_file():
                raise _damaged(source, f"{MANIFEST} is missing")
            manifest = json.loads((partial / MANIFEST).read_text(encoding="utf-8"))["files"]
            (partial / MANIFEST).unlink()
            # Earlier versions have no checksum of the second name of a file.
            second = {member.name for member in archive.getmembers() if member.islnk()}
            there = {path.relative_to(partial).as_posix() for path in _regular(partial)}
            for name, digest in manifest.items():
                unknown = name in second and digest == NO_BYTES
                if name not in there or (not unknown and sha256_file(partial / name) != digest):
                    raise _damaged(source, f"{name} is missing or changed")
            if there != set(manifest):
                raise _damaged(source, f"files that are not in {MANIFEST}")
            (partial / DATABASE).chmod(OWNER_ONLY)  # in older backups all users can read it
            if (partial / "studio").is_dir():
                (partial / "studio").chmod(OWNER_ONLY_FOLDER)
            return len(manifest)
    except (tarfile.TarError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(source) from error
    except OSError as error:
        raise RsitmdError(
            f"cannot be read ({reason(error)})",
            where=source,
            hint="use a file made by rsitmd annotate backup",
        ) from error


@contextlib.contextmanager
def _scratch(folder: Path, target: Path) -> Iterator[Path]:
    """Yield a folder for copies; leftovers of interrupted backups are removed first.

    The operating system frees the lock when its holder ends, so whatever is found there belongs
    to a backup that no longer runs.
    """
    lock = WriterLock(folder / BACKUP_LOCK)
    try:
        lock.acquire()
    except OSError as error:
        raise RsitmdError(
            f"cannot be written ({reason(error)})",
            where=folder,
            hint="a backup needs a folder for copies in the workspace: run it as its owner, or copy"
            " the whole folder",
        ) from error
    try:
        for leftover in folder.glob(f"{SCRATCH}*"):
            with contextlib.suppress(OSError):
                remove_leftovers(Path(os.fsdecode((leftover / TARGET).read_bytes())))
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=SCRATCH) as scratch:
            # The partial archive is beside the target, whose name may differ next time.
            (Path(scratch) / TARGET).write_bytes(os.fsencode(target.absolute()))
            yield Path(scratch)
    except OSError as error:
        raise RsitmdError(
            f"cannot be written ({reason(error)})", where=folder, hint="free some space"
        ) from error
    finally:
        lock.release()


def _files(folder: Path, taken: set[str], target: Path, left_out: list[str]) -> Iterator[str]:
    """Yield the names of the other files to copy, including the secrets.

    Links whose targets are not copied are added to ``left_out``.
    """
    for path in _followed(folder, folder, left_out):
        name = path.relative_to(folder).as_posix()
        again = any(name == entry or name.startswith(f"{entry}/") for entry in LEFT_OUT)
        unfinished = _UNFINISHED.search(name) or _OF_DATABASE.search(name)
        skipped = again or unfinished or path.resolve() == target.resolve()
        if name not in taken and not skipped and not _is_backup(path):
            yield name


def _followed(
    folder: Path, top: Path, left_out: list[str], above: frozenset[Path] = frozenset()
) -> Iterator[Path]:
    """Yield the files below a folder, sorted, and those behind its links.

    A link is followed if it is one of the workspace's own files and folders, or inside one.
    """
    above |= {folder.resolve()}
    try:
        entries = sorted(folder.iterdir())
    except OSError:  # it vanished, or only another user can read it
        left_out.append(folder.relative_to(top).as_posix())
        return
    for path in entries:
        if path.relative_to(top).as_posix() in LEFT_OUT:
            continue
        first = path.relative_to(top).parts[0]
        if path.is_symlink():
            own = first in OWN_FOLDERS or (path.parent == top and path.is_file())
            if not own or not path.exists() or path.resolve() in above:
                left_out.append(path.relative_to(top).as_posix())
                continue
        if path.is_dir():
            yield from _followed(path, top, left_out, above)
        elif path.is_file():
            yield path


def _is_backup(path: Path) -> bool:
    """Return whether a file is a backup: a tar file that begins with the workspace's database."""
    try:
        with tarfile.open(path, "r:") as archive:
            first = archive.next()
        return first is not None and first.name == DATABASE
    except (OSError, tarfile.TarError):
        return False


def _regular(folder: Path) -> Iterator[Path]:
    """Yield the regular files below a folder, sorted."""
    return (p for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink())


def _add(archive: tarfile.TarFile, path: Path, name: str, manifest: dict[str, str]) -> int:
    """Add a file in its present state to an archive, and its checksum to a manifest."""
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
    """A stream that computes the SHA-256 of the bytes read from it."""

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
    if is_connected(folder / "studio"):
        return "elsewhere"
    if recorded_postgres(folder / "studio") is not None:
        return "postgres"
    return "copied" if SERVER_DATABASE in names else "none"


def _damaged(source: Path, detail: str = "") -> RsitmdError:
    """Return the error for a file that is not a complete backup."""
    shown = f" ({detail})" if detail else ""
    return RsitmdError(
        f"is not a complete backup{shown}", where=source, hint="use another backup file"
    )

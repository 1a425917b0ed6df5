"""A backup is of one moment, whole, for its owner alone; a damaged one is refused."""

from __future__ import annotations

import contextlib
import io
import random
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from rsitmd_tools.cli.annotate.backup import command as backup_command
from rsitmd_tools.cli.annotate.restore import command as restore_command
from rsitmd_tools.cli.annotate.status import command as status_command
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.ingest.renaming import rename
from rsitmd_tools.studio.api.connection import CONNECTION
from rsitmd_tools.studio.api.secrets import make_secrets, secrets_of
from rsitmd_tools.studio.campaign import backup as backup_module
from rsitmd_tools.studio.campaign.backup import BACKUP_LOCK, SERVER_DATABASE, backup, restore
from rsitmd_tools.studio.server.database import record_postgres
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.lock import WriterLock
from rsitmd_tools.workspace.snapshot import copy_database
from rsitmd_tools.workspace.store import DATABASE
from tests.builders import add
from tests.contents import contents


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with a server's database in which two tables always agree."""
    folder = tmp_path / "workspace ä"
    Workspace.create(folder).close()
    (folder / "images" / "port_1.tif").write_bytes(b"pixels")
    make_secrets(folder / "studio")
    (folder / SERVER_DATABASE).parent.mkdir()
    with contextlib.closing(sqlite3.connect(folder / SERVER_DATABASE)) as db:
        db.executescript("CREATE TABLE a (n INTEGER); CREATE TABLE b (n INTEGER, text TEXT);")
    return folder


@contextlib.contextmanager
def writing(file: Path) -> Iterator[None]:
    """Rows come into both tables in one transaction, all the time."""
    stop = threading.Event()
    begun = threading.Event()

    def write() -> None:
        with contextlib.closing(sqlite3.connect(file, timeout=60)) as db:
            for number in range(10**9):
                if stop.is_set():
                    return
                with db:
                    db.execute("INSERT INTO a VALUES (?)", (number,))
                    db.execute("INSERT INTO b VALUES (?, ?)", (number, "x" * 5000))
                if number == 20:
                    begun.set()

    thread = threading.Thread(target=write)
    thread.start()
    begun.wait()
    yield
    stop.set()
    thread.join()


def test_each_copy_is_consistent_during_writes(folder: Path, tmp_path: Path) -> None:
    with writing(folder / SERVER_DATABASE):
        for number in range(5):
            report = backup(folder, tmp_path / f"{number}.tar")
            assert report.server == "copied"
    counts = []
    for number in range(5):
        restore(tmp_path / f"{number}.tar", tmp_path / f"back {number}")
        with contextlib.closing(
            sqlite3.connect(tmp_path / f"back {number}" / SERVER_DATABASE)
        ) as db:
            a = [row[0] for row in db.execute("SELECT n FROM a ORDER BY n")]
            assert a == [row[0] for row in db.execute("SELECT n FROM b ORDER BY n")]
            assert a == list(range(len(a)))
            counts.append(len(a))
    assert counts == sorted(counts)
    assert counts[0] >= 20


def test_restore_returns_all_files_readable_by_the_owner_only(folder: Path, tmp_path: Path) -> None:
    with Workspace.open(folder, write=True) as workspace, workspace.transaction():
        workspace.set_fact("key", "value")
    (folder / "studio" / "server.json").write_text("{}")  # of a running server
    target = tmp_path / "backups" / "monday.tar"
    backup(folder, target)
    assert target.stat().st_mode & 0o777 == 0o600
    restore(target, tmp_path / "back")
    assert secrets_of(tmp_path / "back" / "studio") == secrets_of(folder / "studio")
    assert (tmp_path / "back" / "studio").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "back" / "studio" / "secrets.json").stat().st_mode & 0o777 == 0o600
    for name in ("workspace.db", SERVER_DATABASE):
        assert (tmp_path / "back" / name).stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "back" / "studio" / "server.json").exists()
    assert (tmp_path / "back" / "images" / "port_1.tif").read_bytes() == b"pixels"
    with Workspace.open(tmp_path / "back", write=True) as workspace:
        assert workspace.fact("key") == "value"
    assert {path.name for path in tmp_path.iterdir()} == {folder.name, "backups", "back"}


def test_a_backup_of_an_older_version_is_restored_private(folder: Path, tmp_path: Path) -> None:
    backup(folder, tmp_path / "new.tar")
    with (
        tarfile.open(tmp_path / "new.tar") as new,
        tarfile.open(tmp_path / "old.tar", "w") as old,
    ):
        for entry in new:
            if entry.name == "workspace.db":
                entry.mode = 0o644
            old.addfile(entry, new.extractfile(entry))
    restore(tmp_path / "old.tar", tmp_path / "back")
    assert (tmp_path / "back" / "workspace.db").stat().st_mode & 0o777 == 0o600


def test_a_backup_in_its_own_workspace_does_not_contain_itself(folder: Path) -> None:
    first = backup(folder, folder / "b.tar")
    assert backup(folder, folder / "b.tar").files == first.files


def test_names_like_those_of_sqlite_are_copied(folder: Path, tmp_path: Path) -> None:
    names = ["harbour-wall.tif", "x.partial-view.tif", "a-journal.txt"]
    for name in names:
        (folder / "images" / name).write_bytes(b"pixels")
    for name in ("workspace.db-wal", "images/.port_2.tif.partial-1-2"):
        (folder / name).write_bytes(b"")
    backup(folder, tmp_path / "b.tar")
    restore(tmp_path / "b.tar", tmp_path / "back")
    there = {path.name for path in (tmp_path / "back" / "images").iterdir()}
    assert there == {"port_1.tif", *names}
    assert not (tmp_path / "back" / "workspace.db-wal").exists()


def test_earlier_backups_in_the_workspace_are_left_out(folder: Path, tmp_path: Path) -> None:
    first = backup(folder, folder / "backups" / "monday.tar")
    with tarfile.open(folder / "backups" / "other.tar", "w") as other:
        other.add(folder / "rsitmd.toml", "rsitmd.toml")
    for day in ("tuesday", "wednesday"):
        report = backup(folder, folder / "backups" / f"{day}.tar")
        assert report.files == first.files + 1
    restore(folder / "backups" / "wednesday.tar", tmp_path / "back")
    assert [path.name for path in (tmp_path / "back" / "backups").iterdir()] == ["other.tar"]


def test_a_file_with_two_names_is_restored_as_two(folder: Path, tmp_path: Path) -> None:
    (folder / "images" / "port_2.tif").hardlink_to(folder / "images" / "port_1.tif")
    backup(folder, tmp_path / "b.tar")
    restore(tmp_path / "b.tar", tmp_path / "back")
    for name in ("port_1.tif", "port_2.tif"):
        assert (tmp_path / "back" / "images" / name).read_bytes() == b"pixels"


def test_a_backup_of_an_older_version_with_such_a_file_is_restored(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "images" / "port_2.tif").hardlink_to(folder / "images" / "port_1.tif")
    written = tarfile.open
    with monkeypatch.context() as patch:
        patch.setattr(tarfile, "open", lambda *args, **_: written(*args))
        backup(folder, tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as archive:
        assert archive.getmember("images/port_2.tif").islnk()
    restore(tmp_path / "b.tar", tmp_path / "back")
    assert (tmp_path / "back" / "images" / "port_2.tif").read_bytes() == b"pixels"


def test_what_the_links_of_a_workspace_point_to_is_copied(folder: Path, tmp_path: Path) -> None:
    disk = tmp_path / "other disk"
    disk.mkdir()
    (folder / "images").rename(disk / "images")
    (folder / "images").symlink_to(disk / "images")
    (disk / "images" / "again").symlink_to(disk / "images")  # a circle
    (disk / "scene.tif").write_bytes(b"scene")
    (folder / "originals").mkdir()
    (folder / "originals" / "scene.tif").symlink_to(disk / "scene.tif")
    (folder / "rsitmd.toml").rename(disk / "rsitmd.toml")
    (folder / "rsitmd.toml").symlink_to(disk / "rsitmd.toml")
    report = backup(folder, tmp_path / "b.tar")
    assert report.left_out == ("images/again",)
    restore(tmp_path / "b.tar", tmp_path / "back")
    assert (tmp_path / "back" / "images" / "port_1.tif").read_bytes() == b"pixels"
    assert (tmp_path / "back" / "originals" / "scene.tif").read_bytes() == b"scene"
    assert not any(path.is_symlink() for path in (tmp_path / "back").rglob("*"))
    Workspace.open(tmp_path / "back").close()


def test_other_links_are_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "scene.tif").write_bytes(b"scene")
    (folder / "archive").symlink_to(tmp_path / "archive")
    (folder / "images" / "gone.tif").symlink_to(tmp_path / "gone.tif")
    report = backup(folder, tmp_path / "b.tar")
    assert report.left_out == ("archive", "images/gone.tif")
    done = CliRunner().invoke(backup_command, [str(folder), str(tmp_path / "c.tar")])
    assert "warning: not in this file: 2 paths, first archive" in done.stderr


@pytest.mark.parametrize(
    "name", ["workspace.db", "rsitmd.toml", "images/port_1.tif", "studio/b.tar"]
)
def test_no_output_replaces_a_file_of_the_workspace(folder: Path, name: str) -> None:
    before = contents(folder)
    with pytest.raises(WrongUsage, match="belongs to the workspace"):
        backup(folder, folder / name)
    for option in ("--html", "--payment"):
        done = CliRunner().invoke(status_command, [str(folder), option, str(folder / name)])
        assert isinstance(done.exception, WrongUsage)
    both = CliRunner().invoke(
        status_command, [str(folder), "--html", str(folder / "x"), "--payment", str(folder / "x")]
    )
    assert "are the same file" in str(both.exception)
    assert contents(folder) == before


def test_server_data_outside_the_backup_is_reported(folder: Path, tmp_path: Path) -> None:
    record_postgres(folder / "studio", "postgresql://ls@localhost/ls")
    assert backup(folder, tmp_path / "b.tar").server == "postgres"
    (folder / "studio" / "connection.json").write_text("{}")
    assert backup(folder, tmp_path / "b.tar").server == "elsewhere"


KILLED = """
import os, signal, sys
from pathlib import Path
from rsitmd_tools.studio.campaign import backup
add, left = backup._add, int(sys.argv[3])
def counted(*arguments):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return add(*arguments)
backup._add = counted
backup.backup(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("entries", [1, 2, 4])
def test_leftovers_of_a_killed_backup_are_removed_by_the_next(
    folder: Path, tmp_path: Path, entries: int
) -> None:
    target = tmp_path / "backups" / "b.tar"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), str(target), str(entries)], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert not target.exists()
    assert list(folder.glob(".partial-backup-*"))
    assert list(target.parent.glob(".b.tar.partial-*"))
    later = tmp_path / "elsewhere" / "c.tar"
    report = backup(folder, later)
    assert not list(folder.glob(".partial-*"))
    assert list(target.parent.iterdir()) == []
    assert list(later.parent.iterdir()) == [later]
    assert restore(later, tmp_path / "back") == report.files
    assert not list((tmp_path / "back").glob(".*lock"))


def test_files_of_a_running_backup_are_not_removed(folder: Path, tmp_path: Path) -> None:
    lock = WriterLock(folder / BACKUP_LOCK)
    lock.acquire()
    (folder / ".partial-backup-live").mkdir()
    with pytest.raises(RsitmdError, match="another command is writing to this workspace"):
        backup(folder, tmp_path / "b.tar")
    assert (folder / ".partial-backup-live").exists()
    lock.release()
    backup(folder, tmp_path / "b.tar")
    assert not (folder / ".partial-backup-live").exists()


def test_a_damaged_backup_is_refused_and_nothing_is_left(folder: Path, tmp_path: Path) -> None:
    backup(folder, tmp_path / "b.tar")
    data = (tmp_path / "b.tar").read_bytes()
    seeded = random.Random(0)
    broken = [data[: len(data) * part // 5] for part in range(5)]
    with tarfile.open(tmp_path / "b.tar") as archive:
        bodies = [(m.offset_data, m.size) for m in archive.getmembers() if m.size]
    for start, size in bodies:
        at = start + seeded.randrange(size)
        broken.append(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    for bad in broken:
        (tmp_path / "bad.tar").write_bytes(bad)
        with pytest.raises(RsitmdError, match=r"bad\.tar: is not a complete backup"):
            restore(tmp_path / "bad.tar", tmp_path / "back")
        assert not (tmp_path / "back").exists()
        assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "a/../../escaped"])
def test_no_file_is_extracted_outside_the_folder(folder: Path, tmp_path: Path, name: str) -> None:
    backup(folder, tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar", "a") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = 1
        archive.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(RsitmdError, match="is not a complete backup"):
        restore(tmp_path / "b.tar", tmp_path / "deep" / "back")
    assert not list(tmp_path.rglob("escaped"))


def test_an_existing_folder_is_not_changed(folder: Path, tmp_path: Path) -> None:
    backup(folder, tmp_path / "b.tar")
    with pytest.raises(RsitmdError, match="already exists"):
        restore(tmp_path / "b.tar", folder)
    with pytest.raises(RsitmdError, match="cannot be read"):
        restore(tmp_path / "absent.tar", tmp_path / "back")
    with pytest.raises(RsitmdError, match="is not a workspace"):
        backup(tmp_path, tmp_path / "c.tar")


def test_a_folder_that_cannot_be_read_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "lost+found").mkdir()
    listed = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        if path.name == "lost+found":
            raise PermissionError(13, "permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert backup(folder, tmp_path / "b.tar").left_out == ("lost+found",)


@pytest.mark.parametrize("postgres", ["", "postgresql://ls@localhost/labelstudio"])
def test_a_restore_says_that_the_database_is_that_of_the_original(
    folder: Path, tmp_path: Path, postgres: str
) -> None:
    record_postgres(folder / "studio", postgres)
    backup(folder, tmp_path / "b.tar")
    answer = CliRunner().invoke(restore_command, [str(tmp_path / "b.tar"), str(tmp_path / "again")])
    assert answer.exit_code == 0
    expected = f"the database of the original workspace, {postgres}. If"
    assert (expected in answer.stderr) == bool(postgres)


def test_a_restore_of_a_connected_workspace_does_not_name_serve(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "studio" / CONNECTION).write_text("{}")
    backup(folder, tmp_path / "b.tar")
    answer = CliRunner().invoke(restore_command, [str(tmp_path / "b.tar"), str(tmp_path / "again")])
    assert answer.exit_code == 0
    assert "annotate push" in answer.stdout and "serve" not in answer.stdout
    assert "the original workspace uses the same server" in answer.stderr


def test_a_backup_is_refused_if_an_image_is_renamed_meanwhile(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive would have the new name of the file, and the old one in its database."""
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        add(db, "image", category="port", number=1)

    def copy(source: Path, target: Path) -> None:
        copy_database(source, target)
        if target.name == DATABASE:
            with Workspace.open(folder, write=True) as workspace:
                rename(workspace, "port_1.tif", "port_9.tif")

    monkeypatch.setattr(backup_module, "copy_database", copy)
    with pytest.raises(RsitmdError, match=r"renamed, removed or restored.*run the same command"):
        backup(folder, tmp_path / "b.tar")
    assert not (tmp_path / "b.tar").exists()
    monkeypatch.undo()
    backup(folder, tmp_path / "b.tar")
    restore(tmp_path / "b.tar", tmp_path / "back")
    assert (tmp_path / "back" / "images" / "port_9.tif").is_file()

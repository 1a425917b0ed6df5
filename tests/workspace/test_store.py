"""The workspace: creation, migrations, one writer at a time."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.workspace import Workspace, schema


def test_create_makes_the_files_of_the_readme(tmp_path: Path) -> None:
    folder = tmp_path / "häfen 'n' ports"
    with Workspace.create(folder, "Häfen") as workspace:
        assert workspace.settings.dataset.name == "Häfen"
        assert schema.version(workspace.db) == schema.VERSION
        assert workspace.db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert workspace.db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    assert (folder / "images").is_dir()


def test_create_again_changes_nothing(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w", "first").close()
    before = (tmp_path / "w" / "rsitmd.toml").read_text()
    Workspace.create(tmp_path / "w", "second").close()
    assert (tmp_path / "w" / "rsitmd.toml").read_text() == before


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "new\nline", "emoji 🛰"])
def test_any_name_is_written_as_valid_toml(tmp_path: Path, name: str) -> None:
    with Workspace.create(tmp_path / "w", name) as workspace:
        assert workspace.settings.dataset.name == name


def test_a_folder_that_is_not_a_workspace_is_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(RsitmdError, match="is not a workspace; to create one, run: ") as refused:
        Workspace.open(tmp_path / "a b")
    assert str(refused.value).endswith(f"run: rsitmd build init '{tmp_path}/a b'")


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    with sqlite3.connect(tmp_path / "w" / "workspace.db") as db:
        db.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    for write in (False, True):
        with pytest.raises(RsitmdError, match=rf"has schema {schema.VERSION + 1}.*pip install -U"):
            Workspace.open(tmp_path / "w", write=write)


def test_a_file_that_is_not_a_database_is_a_one_line_error(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    (tmp_path / "w" / "workspace.db").write_bytes(b"not a database" * 100)
    with pytest.raises(RsitmdError, match="cannot be opened"):
        Workspace.open(tmp_path / "w")


HOLD = """
import sys, time
from collections.abc import Iterator
from pathlib import Path
from rsitmd_tools.workspace import Workspace
with Workspace.open(Path(sys.argv[1]), write=True):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_error_for_a_second_writer_names_the_holder_of_the_lock(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    Workspace.create(folder).close()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RsitmdError, match=rf"another command is writing.*{holder.pid}"):
            Workspace.open(folder, write=True)
        Workspace.open(folder).close()  # readers may come at any time
    finally:
        holder.kill()
        holder.wait()
    Workspace.open(folder, write=True).close()  # a killed writer leaves nothing locked


def test_a_transaction_is_atomic(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        with pytest.raises(ZeroDivisionError), workspace.transaction():
            workspace.set_fact("half", "written")
            raise ZeroDivisionError
        assert workspace.fact("half") is None
        with workspace.transaction():
            workspace.set_fact("whole", "1")
        assert workspace.fact("whole") == "1"


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    with Workspace.open(tmp_path / "w") as workspace:
        with pytest.raises(RsitmdError, match="read only"), workspace.transaction():
            pass
        with pytest.raises(sqlite3.OperationalError):
            workspace.db.execute("INSERT INTO fact VALUES ('a', 'b')")


def test_a_reader_sees_one_state_until_it_is_closed(tmp_path: Path) -> None:
    def fact(workspace: Workspace) -> list[str | None]:
        return [workspace.fact(key) for key in ("first", "second")]

    with Workspace.create(tmp_path / "w") as writer:
        with Workspace.open(tmp_path / "w") as reader:
            # Before its first query too: what it reads first decides nothing.
            for number in ("1", "2"):
                with writer.transaction():
                    writer.set_fact("first", number)
                    writer.set_fact("second", number)
                assert fact(reader) == [None, None]
                assert fact(writer) == [number, number]
        with Workspace.open(tmp_path / "w") as reader:
            assert fact(reader) == ["2", "2"]


def test_a_full_disk_is_a_one_line_error_and_nothing_is_stored(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        pages = workspace.db.execute("PRAGMA page_count").fetchone()[0]
        # SQLite answers "database or disk is full" beyond this many pages, as on a full disk.
        workspace.db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(RsitmdError, match=r"full.*free some space"), workspace.transaction():
            workspace.set_fact("large", "x" * 1_000_000)
        assert workspace.fact("large") is None


def test_a_database_without_permission_has_a_hint_of_its_own(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        workspace.db.execute("PRAGMA query_only = 1")  # SQLite answers as without permission
        with pytest.raises(RsitmdError, match=r"readonly.*permissions"), workspace.transaction():
            workspace.set_fact("key", "value")


def test_a_folder_with_images_is_not_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "port_1.tif").write_bytes(b"the user's own")
    with pytest.raises(
        RsitmdError, match=r"images: already contains files; create the workspace in"
    ):
        Workspace.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]
    (tmp_path / "images" / "port_1.tif").unlink()
    Workspace.create(tmp_path).close()


def modes(folder: Path) -> dict[str, int]:
    """Return the permissions of the database's files."""
    return {file.name: file.stat().st_mode & 0o777 for file in folder.glob("workspace.db*")}


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("usual_umask")
def test_only_the_owner_reads_the_database(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "w") as workspace:
        with workspace.transaction():
            workspace.set_fact("a", "b")
        found = modes(workspace.path)
    assert set(found) == {"workspace.db", "workspace.db-wal", "workspace.db-shm"}
    assert set(found.values()) == {0o600}


@pytest.mark.usefixtures("usual_umask")
def test_an_older_workspace_becomes_private_when_it_is_opened_to_write(tmp_path: Path) -> None:
    """All its files, those that a killed writer left too."""
    folder = tmp_path / "w"
    Workspace.create(folder).close()
    killed = """
import os, sys
from pathlib import Path
from rsitmd_tools.workspace import Workspace
workspace = Workspace.open(Path(sys.argv[1]), write=True)
with workspace.transaction():
    workspace.set_fact("a", "b")
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", killed, str(folder)], check=False)
    for file in folder.glob("workspace.db*"):
        file.chmod(0o644)
    assert len(modes(folder)) == 3
    Workspace.open(folder).close()  # a reader changes nothing
    assert modes(folder)["workspace.db"] == 0o644
    with Workspace.open(folder, write=True) as workspace:
        assert set(modes(folder).values()) == {0o600}
        assert workspace.fact("a") == "b"

"""Workspaces that cannot be written: they are read, and a command that writes says so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.readonly import _merged_copy, open_read_only
from rsitmd_tools.workspace.store import DATABASE
from tests.command import command_line, rsitmd
from tests.namespaces import read_only, run_mounted

NOBODY = 65534
READ = (
    ("validate", "{}", "--select", "D,I"),
    ("validate", "{}", "--statistics", "--format", "json"),
    ("annotate", "status", "{}", "--json"),
    ("annotate", "status", "{}", "--findings"),
    ("annotate", "log", "{}", "port_1.tif"),
    ("annotate", "pilot", "{}"),
)
KILLED = """
import os, sys
from pathlib import Path
from rsitmd_tools.workspace import Workspace
workspace = Workspace.open(Path(sys.argv[1]), write=True)
with workspace.transaction():
    workspace.set_fact("last words", "are in the log")
    workspace.db.execute("DELETE FROM image WHERE id = (SELECT MAX(id) FROM image)")
os._exit(0)
"""

# The owner writes to a folder that is also mounted elsewhere, read-only.
OWNER_WRITES = """
import sys
from pathlib import Path
from rsitmd_tools.workspace import Workspace, readonly
from rsitmd_tools.errors import RsitmdError
folder, mounted = map(Path, sys.argv[1:])

def write(text):
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        workspace.set_fact("last words", text)
        db.execute("UPDATE image SET source = hex(zeroblob(9000)) || ?", (text,))

def read(workspace):
    images = workspace.db.execute("SELECT source FROM image").fetchall()
    return workspace.fact("last words"), {row["source"][18000:] for row in images}

write("old")
with Workspace.open(mounted) as reader:
    write("new")
    print(read(reader))

copy, left = readonly._copy, [1]
def copy_and_write(database):
    found = copy(database)
    if left[0]:
        left[0] -= 1
        write(f"{left[0]} left")
    return found
readonly._copy = copy_and_write
with Workspace.open(mounted) as reader:
    print(read(reader))
left[0] = 99
try:
    Workspace.open(mounted)
except RsitmdError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of three images."""
    folder: Path = tmp_path_factory.mktemp("made")
    (folder / "port").mkdir()
    draw = np.random.default_rng(0)
    for number in range(3):
        pixels = draw.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "port" / f"{number}.png")
    for arguments in (("init", folder / "w"), ("ingest", folder / "w", folder)):
        assert rsitmd("build", *arguments).returncode == 0
    return folder / "w"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "w"))


def killed(folder: Path) -> None:
    """Leave what a writer leaves that was killed after a change."""
    subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=True)
    assert (folder / f"{DATABASE}-wal").stat().st_size > 0


def fact(db: object) -> str | None:
    row = db.execute("SELECT value FROM fact WHERE key = 'last words'").fetchone()  # type: ignore[attr-defined]
    return None if row is None else str(row[0])


def test_reading_commands_work_on_a_read_only_workspace(folder: Path) -> None:
    for asked in READ:
        command = command_line(*(part.format(folder) for part in asked))
        found = run_mounted(read_only(folder), command)
        writable = subprocess.run(command, capture_output=True, text=True)
        assert (found.returncode, found.stdout, found.stderr) == (
            writable.returncode,
            writable.stdout,
            writable.stderr,
        )
        assert "port" in found.stdout or "pilot" in found.stdout or "images" in found.stdout


@pytest.mark.parametrize(
    "asked", [("build", "split", "{}"), ("annotate", "pull", "{}"), ("annotate", "push", "{}")]
)
def test_writing_commands_report_a_read_only_workspace(
    folder: Path, asked: tuple[str, ...]
) -> None:
    command = command_line(*(part.format(folder) for part in asked))
    found = run_mounted(read_only(folder), command)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == (
        f"error: {folder}: cannot be written (read-only file system); "
        "copy the workspace to a folder with write permission\n"
    )


def test_what_the_owner_writes_meanwhile_is_seen_in_whole_or_not(folder: Path) -> None:
    mounted = folder.with_name("mounted")
    mounted.mkdir()
    mount = f"mount --bind '{folder}' '{mounted}'; mount -o remount,ro,bind '{mounted}'"
    found = run_mounted(mount, [sys.executable, "-c", OWNER_WRITES, str(folder), str(mounted)])
    assert found.stderr == ""
    assert found.stdout.splitlines() == [
        "('old', {'old'})",
        "('0 left', {'0 left'})",
        f"{mounted}/{DATABASE}: is being changed by another command; run the same command again"
        " when it has ended",
    ]


@pytest.mark.parametrize("shared_memory", [True, False])
def test_what_a_killed_writer_left_is_read_too(folder: Path, shared_memory: bool) -> None:
    killed(folder)
    if not shared_memory:
        (folder / f"{DATABASE}-shm").unlink()
    script = (
        "import sys; from pathlib import Path; from rsitmd_tools.workspace import Workspace;"
        "print(Workspace.open(Path(sys.argv[1])).fact('last words'))"
    )
    found = run_mounted(read_only(folder), [sys.executable, "-c", script, str(folder)])
    assert (found.stdout, found.stderr) == ("are in the log\n", "")
    assert list(folder.glob(f"{DATABASE}*"))  # nothing of it was removed
    with Workspace.open(folder) as workspace:
        assert fact(workspace.db) == "are in the log"


def test_a_log_that_cannot_be_read_is_named(folder: Path) -> None:
    killed(folder)
    (folder / f"{DATABASE}-shm").unlink()
    (folder / f"{DATABASE}-wal").unlink()
    (folder / f"{DATABASE}-wal").mkdir()
    with pytest.raises(RsitmdError, match=r"workspace.db-wal: cannot be read \(is a directory\)"):
        open_read_only(folder / DATABASE)


@pytest.fixture
def others(folder: Path) -> Iterator[Path]:
    """A workspace of somebody else that everybody may read."""
    (folder / "studio").mkdir(mode=0o700)
    yield folder
    folder.chmod(0o755)


def give_away(folder: Path) -> None:
    """Give a folder and all that is in it to another user, where this one is root."""
    if not os.getuid():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
    folder.chmod(0o555)


def run_bound_by_permissions(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command that permissions of files hold for, though it is root's."""
    rights = "-dac_override,-dac_read_search,-fowner"
    bound = () if os.getuid() else ("setpriv", "--bounding-set", rights, "--inh-caps", rights)
    command = [*bound, *command_line(*arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("log", [False, True])
def test_the_workspace_of_somebody_else_is_read(others: Path, log: bool) -> None:
    if log:
        killed(others)
        (others / f"{DATABASE}-shm").unlink()
        (others / f"{DATABASE}-wal").chmod(0o644)
    (others / DATABASE).chmod(0o644)  # a writer leaves it readable to its user alone
    give_away(others)
    found = run_bound_by_permissions("annotate", "status", others, "--json")
    assert (found.returncode, found.stderr) == (0, "")
    assert json.loads(found.stdout)["images"] == (2 if log else 3)

    found = run_bound_by_permissions("build", "split", others)
    assert found.stderr.startswith(f"error: {others}: cannot be written (permission denied); copy")


def test_a_reader_leaves_no_files_that_the_owner_cannot_write(others: Path) -> None:
    """As in a folder of a group, where everybody may make files."""
    (others / DATABASE).chmod(0o644)
    give_away(others)
    if os.getuid():  # without root, the owner is this user
        (others / DATABASE).chmod(0o444)
    others.chmod(0o777)
    found = run_bound_by_permissions("annotate", "status", others, "--json")
    assert (found.returncode, found.stderr) == (0, "")
    assert [path.name for path in others.glob(f"{DATABASE}*")] == [DATABASE]


def test_a_folder_of_images_without_permission_is_not_taken_for_invalid_names(
    others: Path,
) -> None:
    (others / DATABASE).chmod(0o644)
    give_away(others)
    (others / "images").chmod(0o700 if not os.getuid() else 0o000)
    found = run_bound_by_permissions("validate", others, "--select", "D", "--format", "json")
    (others / "images").chmod(0o755)
    findings = json.loads(found.stdout)["findings"]
    denied = "image file cannot be looked up (permission denied)"
    assert {(f["code"], f["message"]) for f in findings if f["code"] != "D102"} == {
        ("D103", denied)
    }


def test_a_backup_of_a_read_only_workspace_is_refused_with_a_hint(folder: Path) -> None:
    command = command_line("annotate", "backup", folder, folder.with_name("b.tar"))
    found = run_mounted(read_only(folder), command)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith(
        f"error: {folder}: cannot be written (read-only file system); a backup needs"
    )


def test_a_temporary_folder_that_cannot_be_used_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(folder)
    (folder / f"{DATABASE}-shm").unlink()
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "absent"))
    log = folder / f"{DATABASE}-wal"
    with pytest.raises(RsitmdError, match=r"TMPDIR: cannot create a temporary folder"):
        _merged_copy(folder / DATABASE, log)

"""Files that commands write: never over what they read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from rsitmd_tools.workspace import Workspace
from tests.forks import Nursery

EXAMPLE = Path(__file__).parents[2] / "docs" / "example"
READ = "is read, and would be overwritten; use another name"
OWN = "belongs to the workspace; use another file"
NO_PAGE = "exists and is not an HTML page; use another name for the page"
DATA = "data/dataset_RSITMD.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dataset, a workspace, images and a file that is no page."""
    Workspace.create(tmp_path / "w").close()
    shutil.copytree(EXAMPLE, tmp_path / "data")
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (32, 32), (80, 0, 0)).save(tmp_path / "photos" / "port_1.png")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "target", "expected"),
    [
        ("build overlap data --exclusions", DATA, READ),
        ("build overlap data --html", DATA, NO_PAGE),
        ("build overlap w --exclusions", "w/workspace.db", OWN),
        ("build overlap w --html", "w/rsitmd.toml", NO_PAGE),
        ("build groups w --html", "w/workspace.db", OWN),
        ("build groups w --html", "photos/port_1.png", NO_PAGE),
        ("build ingest w photos --html", "w/rsitmd.toml", OWN),
        ("build ingest w photos --html", "photos/port_1.png", NO_PAGE),
        ("annotate status w --html", "photos/port_1.png", NO_PAGE),
    ],
)
def test_no_command_writes_over_what_it_reads(
    commands: Nursery, folder: Path, command: str, target: str, expected: str
) -> None:
    before = (folder / target).read_bytes()
    done = commands.run(*command.split(), target, folder=folder)
    assert (done.returncode, done.stderr) == (2, f"error: {target}: {expected}\n")
    assert (folder / target).read_bytes() == before


def test_two_outputs_are_two_files(commands: Nursery, folder: Path) -> None:
    options = ("--exclusions", "e.json", "--html", "./e.json")
    done = commands.run("build", "overlap", "data", *options, folder=folder)
    line = "error: --exclusions and --html are the same file; use two files\n"
    assert (done.returncode, done.stderr) == (2, line)
    assert not (folder / "e.json").exists()


@pytest.mark.parametrize(
    ("command", "target", "expected"),
    [
        ("benchmark positives data -o", DATA, READ),
        ("benchmark positives data -o p.json --tasks", DATA, READ),
        ("benchmark suspects data -o", DATA, READ),
        ("benchmark suspects data -o s.json --html", DATA, NO_PAGE),
    ],
)
def test_no_benchmark_writes_over_its_dataset(
    commands: Nursery, folder: Path, command: str, target: str, expected: str
) -> None:
    pytest.importorskip("torch")
    before = (folder / target).read_bytes()
    done = commands.run(*command.split(), target, folder=folder)
    assert done.returncode == 2
    assert done.stderr.endswith(f"error: {target}: {expected}\n")
    assert (folder / target).read_bytes() == before


def test_a_page_is_written_again(commands: Nursery, folder: Path) -> None:
    command = ("build", "groups", "w", "--html", "groups.html")
    for _ in range(2):
        assert commands.run(*command, folder=folder).returncode == 0

"""SIGKILL in the searches for duplicates and places; the same command then gives the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rsitmd_tools.workspace import Workspace
from tests.command import rsitmd
from tests.contents import Contents, contents
from tests.pictures import cut, ground, jpeg, photo, save_pictures

pytest.importorskip("cv2")

# Where the command is killed: at the first call of a function of a module.
SCRIPT = """
import importlib, os, signal, sys
from rsitmd_tools.cli import main
module, name = sys.argv[1].split(":")
owner = importlib.import_module(module)
*parents, last = name.split(".")
for parent in parents:
    owner = getattr(owner, parent)
setattr(owner, last, lambda *args, **more: os.kill(os.getpid(), signal.SIGKILL))
main(sys.argv[2:])
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    scene = ground(3)
    images = {
        "port/1.png": photo(1),
        "port/2.png": jpeg(photo(1), 70),
        "port/3.png": photo(1).rotate(90),
        "port/4.png": photo(2),
        "town/1.png": cut(scene, 0, 0).convert("RGB"),
        "town/2.png": cut(scene, 120, 0).convert("RGB"),
    }
    return save_pictures(tmp_path_factory.mktemp("source"), images)


def run_all(workspace: Path, source: Path) -> Contents:
    for words in (["ingest", workspace, source], ["groups", workspace, "--same-place"]):
        done = rsitmd("build", *words)
        assert done.returncode == 0, done.stderr
    return contents(workspace)


@pytest.mark.parametrize(
    ("place", "command"),
    [
        ("rsitmd_tools.ingest.duplicates:add_pairs", "ingest"),
        ("rsitmd_tools.ingest.duplicates:set_duplicate_groups", "ingest"),
        ("rsitmd_tools.ingest.groups:add_pairs", "groups"),
        ("rsitmd_tools.imaging.same_place:map_in_order", "groups"),
        ("rsitmd_tools.imaging.place_cache:PlaceCache.add_features", "groups"),
    ],
)
def test_a_killed_search_run_again_is_the_same(
    tmp_path: Path, source: Path, place: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSITMD_CACHE", str(tmp_path / "cache"))
    for name in ("whole", "killed"):
        Workspace.create(tmp_path / name).close()
    expected = run_all(tmp_path / "whole", source)
    assert {row[2] for row in expected[0]["image_pair"]} == {"exact", "near", "same-place"}
    monkeypatch.setenv("RSITMD_CACHE", str(tmp_path / "other cache"))
    words = {
        "ingest": ["build", "ingest", tmp_path / "killed", source],
        "groups": ["build", "groups", tmp_path / "killed", "--same-place"],
    }
    if command == "groups":
        assert rsitmd(*words["ingest"]).returncode == 0
    killed = subprocess.run(
        [sys.executable, "-c", SCRIPT, place, *map(str, words[command])], capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert contents(tmp_path / "killed") != expected
    assert run_all(tmp_path / "killed", source) == expected

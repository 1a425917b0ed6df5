"""SIGKILL while scenes are cut; then the same command gives what it would have given."""

from __future__ import annotations

import random
import signal
import subprocess
from pathlib import Path

import pytest

from rsitmd_tools.workspace import Workspace
from tests.command import command_line
from tests.contents import Contents, contents
from tests.ingest.scenes import CORNER, values, write_scene
from tests.integration.processes import await_end, await_files

SIDE = 9 * 64  # pixels of a scene, 9 x 9 tiles
TILES = 2 * 8 * 8


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scene(folder / "city" / "a.tif", values(SIDE, SIDE, 4, "uint16"), tiled=True)
    other = CORNER @ CORNER.translation(SIDE // 2, 0)
    write_scene(folder / "field" / "b.tif", values(SIDE, SIDE), transform=other, compress="lzw")
    (folder / "field" / "c.tif").write_bytes(b"damaged")
    return folder


def command(workspace: Path, source: Path, workers: str) -> list[str]:
    cut = ("--tile", 64, "--resize", 64, "--workers", workers)
    return command_line("build", "ingest", workspace, source, *cut)


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Contents:
    workspace = tmp_path_factory.mktemp("whole") / "w"
    Workspace.create(workspace).close()
    done = subprocess.run(
        command(workspace, source, "2"), check=True, capture_output=True, text=True
    )
    assert f"images: {2 * 9 * 9} added, 0 known, 1 rejected" in done.stdout
    return contents(workspace)


def check(workspace: Path, source: Path, whole: Contents, seed: int) -> None:
    chosen = random.Random(seed)
    workers = chosen.choice("12")
    moment = chosen.randrange(1, TILES)
    Workspace.create(workspace).close()
    started = subprocess.Popen(
        command(workspace, source, workers),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    await_files(started, workspace, moment)
    started.kill()
    started.communicate(timeout=60)
    assert started.returncode == -signal.SIGKILL
    await_end(started.pid)
    assert contents(workspace) != whole
    again = subprocess.run(command(workspace, source, "2"), capture_output=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert contents(workspace) == whole


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_tiling_run_again_is_the_same(
    tmp_path: Path, source: Path, whole: Contents, seed: int
) -> None:
    check(tmp_path / "w", source, whole, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3, 23))
def test_a_tiling_killed_at_many_moments(
    tmp_path: Path, source: Path, whole: Contents, seed: int
) -> None:
    check(tmp_path / "w", source, whole, seed)

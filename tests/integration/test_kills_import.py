"""SIGKILL during an import; then the same command gives what it would have given."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import save_dataset
from rsitmd_tools.workspace import Workspace
from tests.command import command_line
from tests.contents import Contents, contents
from tests.integration.processes import await_end, await_files

IMAGES = 200
MOST_FILES = IMAGES - 60  # so many are written some time before the end


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with a damaged, a missing and a doubled image file."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "images").mkdir()
    records = []
    for number in range(IMAGES):
        name = f"{('port', 'farm')[number % 2]}_{number}.png"
        seed = 7 if number == 150 else number
        coarse = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        if number != 60:
            Image.fromarray(coarse).save(folder / "images" / name)
        sentences = tuple(Sentence(f"Sentence {k} of {name}.") for k in range(5))
        split = ("train", "test")[number % 3 == 0]
        records.append(ImageRecord(name, sentences, ("white boat",), split=split))
    (folder / "images" / "port_100.png").write_bytes(b"damaged")
    save_dataset(Dataset("Old", tuple(records), folder, "rsitmd"), folder, "rsitmd")
    return folder


def begin(workspace: Path, source: Path, *more: str) -> subprocess.Popen[bytes]:
    if not workspace.exists():
        Workspace.create(workspace).close()
        settings = workspace / "rsitmd.toml"
        settings.write_text(settings.read_text().replace("image_size = 256", "image_size = 64"))
    return subprocess.Popen(
        command_line("build", "import", workspace, source, *more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Contents, float]:
    """What an import that is not killed gives, and the seconds that it takes."""
    workspace = tmp_path_factory.mktemp("whole") / "w"
    began = time.monotonic()
    out, said = begin(workspace, source).communicate(timeout=120)
    seconds = time.monotonic() - began
    assert out.startswith(b"200 images with 1000 sentences: 200 added, 0 known"), said
    assert b"198 added, 0 already in the workspace, 2 missing, 1 rejected; 2 dup" in out
    return contents(workspace), seconds


def kill_and_repeat(workspace: Path, source: Path, seconds: float, whole: Contents) -> None:
    """Kill an import after some time and run it again."""
    started = begin(workspace, source)
    time.sleep(seconds)
    started.kill()
    started.communicate(timeout=60)
    await_end(started.pid)
    repeat(workspace, source, whole)


def kill_between_files(workspace: Path, source: Path, files: int, whole: Contents) -> None:
    """Kill an import that has written some files, and run it again."""
    started = begin(workspace, source, "--workers", "1")
    await_files(started, workspace, files)
    started.kill()
    started.communicate(timeout=60)
    assert started.returncode == -signal.SIGKILL
    await_end(started.pid)
    assert contents(workspace) != whole
    repeat(workspace, source, whole)


def repeat(workspace: Path, source: Path, whole: Contents) -> None:
    """Run an import to its end, and compare what it gives."""
    again = begin(workspace, source)
    _, said = again.communicate(timeout=120)
    assert again.returncode == 0, said
    assert contents(workspace) == whole


@pytest.mark.parametrize("moment", [0.5, 0.75, 0.9])
def test_a_killed_import_run_again_is_the_same(
    tmp_path: Path, source: Path, whole: tuple[Contents, float], moment: float
) -> None:
    expected, seconds = whole
    kill_and_repeat(tmp_path / "w", source, moment * seconds, expected)


@pytest.mark.soak
def test_twenty_seeded_kills(tmp_path: Path, source: Path, whole: tuple[Contents, float]) -> None:
    chance = random.Random(15)
    for number in range(20):
        files = chance.randrange(1, MOST_FILES)
        kill_between_files(tmp_path / f"w{number}", source, files, whole[0])


@pytest.mark.parametrize("files", [1, 70, 130])
def test_an_import_killed_between_files_run_again_is_the_same(
    tmp_path: Path, source: Path, whole: tuple[Contents, float], files: int
) -> None:
    kill_between_files(tmp_path / "w", source, files, whole[0])

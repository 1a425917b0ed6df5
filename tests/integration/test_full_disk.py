"""A disk that is full: one line, nothing half-written, and the same command goes on.

The disk is a small file system in memory, which only root can mount.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import save_dataset
from rsitmd_tools.workspace import Workspace
from tests.command import rsitmd
from tests.ingest.scenes import values, write_scene

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system, which needs root"),
]

IMAGES = 60
SMALL, LARGE = "3m", "200m"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def resize(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "dataset"
    (folder / "images").mkdir(parents=True)
    records = []
    for number in range(IMAGES):
        name = f"port_{number}.png"
        pixels = np.random.default_rng(number).integers(0, 256, (256, 256, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / name)
        sentences = tuple(Sentence(f"Port number {number} has {k} boats.") for k in range(5))
        split = ("train", "val", "test")[number % 3]
        records.append(ImageRecord(name, sentences, ("white boat",), split=split))
    save_dataset(Dataset("Old", tuple(records), folder, "rsitmd"), folder, "rsitmd")
    return folder


def full_then_larger(disk: Path, command: Sequence[str | Path]) -> None:
    """Run a command on the full disk and, once there is room, again."""
    failed = rsitmd(*command)
    assert failed.returncode == 1
    (line,) = [line for line in failed.stderr.splitlines() if line.startswith("error")]
    assert "cannot be written" in line and "Traceback" not in failed.stderr
    assert line.endswith("free some space and run the same command again")
    resize(disk, LARGE)
    again = rsitmd(*command)
    assert again.returncode == 0, again.stderr


def contents(workspace: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (workspace / "images").iterdir()}


@pytest.mark.parametrize("way", ["ingest", "tile", "import"])
def test_images_are_taken_in_after_a_full_disk(
    disk: Path, dataset: Path, tmp_path: Path, way: str
) -> None:
    scene = write_scene(tmp_path / "port" / "s.tif", values(2048, 2048))
    arguments: dict[str, list[str | Path]] = {
        "ingest": ["ingest", dataset / "images", "--category", "port"],
        "tile": ["ingest", scene.parent, "--category", "port", "--tile", "256"],
        "import": ["import", dataset],
    }
    command, *rest = arguments[way]
    for folder in (disk / "w", tmp_path / "w"):
        Workspace.create(folder).close()
    full_then_larger(disk, ["build", command, disk / "w", *rest])
    assert rsitmd("build", command, tmp_path / "w", *rest).returncode == 0
    assert contents(disk / "w") == contents(tmp_path / "w")


def test_a_release_is_whole_or_absent_on_a_full_disk(
    disk: Path, dataset: Path, tmp_path: Path
) -> None:
    Workspace.create(tmp_path / "w").close()
    assert rsitmd("build", "import", tmp_path / "w", dataset).returncode == 0
    command = ["build", "release", tmp_path / "w", "--version", "1.0.0", "--allow-no-licence"]
    full_then_larger(disk, [*command, "-o", disk / "r"])
    assert [path.name for path in disk.iterdir()] == ["r"]
    assert rsitmd("build", "verify", disk / "r").returncode == 0

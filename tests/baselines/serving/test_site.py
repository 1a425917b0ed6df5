"""What is shown: mistakes are found before images are encoded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rsitmd_tools.baselines.localisation.locate import SceneOptions
from rsitmd_tools.baselines.serving.site import Site
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty cache of a user: it has files as soon as something is encoded."""
    monkeypatch.setenv("RSITMD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_damaged_second_run_is_found_before_images_are_encoded(
    tmp_path: Path, cache: Path, data: Dataset, served_runs: list[Path]
) -> None:
    damaged = shutil.copytree(served_runs[1], tmp_path / "damaged")
    (damaged / "checkpoints" / "best.ckpt").write_bytes(b"")
    with pytest.raises(RsitmdError, match="damaged"):
        Site([served_runs[0], damaged], data, device="cpu")
    assert not list(cache.rglob("*.*"))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("no such file.tif", SceneOptions(), "cannot be read"),
        ("mosaic.png", SceneOptions((512,)), "smaller than a slice of 512 pixels"),
    ],
)
def test_a_wrong_scene_is_found_before_images_are_encoded(
    cache: Path,
    data: Dataset,
    served_runs: list[Path],
    served_scene: Path,
    name: str,
    options: SceneOptions,
    message: str,
) -> None:
    with pytest.raises(RsitmdError, match=message):
        Site(served_runs[:1], data, served_scene.with_name(name), options, device="cpu")
    assert not list(cache.rglob("*.*"))

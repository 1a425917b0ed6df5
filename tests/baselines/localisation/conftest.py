"""A run and scenes that every test of the localisation can afford."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.localisation.locate import Locator
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset
from tests.tiny_runs import SETTINGS

WIDTH, HEIGHT = 300, 200
TRANSFORM = Affine(0.5, 0, 400_000, 0, -0.5, 5_000_000)


@pytest.fixture(scope="session")
def located_run(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the tiny dataset; copy it before you change it."""
    return train(tiny, load_config("vsepp", SETTINGS), tmp_path_factory.mktemp("located") / "run")


@pytest.fixture(scope="session")
def locator(located_run: Path) -> Locator:
    """The loaded run."""
    return Locator(located_run, "cpu")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of each test, empty."""
    monkeypatch.setenv("RSITMD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def make_scene(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a scene of noise with a georeference."""

    def write(
        name: str = "scene.tif", width: int = WIDTH, height: int = HEIGHT, **more: Any
    ) -> Path:
        values = np.random.default_rng(3).integers(1, 255, (3, height, width), np.uint8)
        if hidden := more.pop("hidden", None):
            values[:, hidden[1], hidden[0]] = 0
        profile = {"crs": "EPSG:32633", "transform": TRANSFORM, "nodata": 0} | more
        path = tmp_path / name
        with rasterio.open(
            path, "w", driver="GTiff", width=width, height=height, count=3, dtype="uint8", **profile
        ) as file:
            file.write(values)
        return path

    return write


@pytest.fixture
def scene(make_scene: Callable[..., Path]) -> Path:
    """A scene of 300 x 200 pixels of half a metre, all valid."""
    return make_scene()

"""A small suite of two configurations and two seeds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rsitmd_tools.baselines.suite.plan import PlannedRun, plan_runs
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.formats import save_dataset
from tests.baselines.training.common import SMALL

CONFIGS = ("vsepp", "m1")
CHANGES = (*SMALL, "epochs=1", "freeze_backbone=true")


@pytest.fixture
def plan() -> list[PlannedRun]:
    """Two configurations, two seeds."""
    return plan_runs(CONFIGS, CHANGES, [0, 1])


@pytest.fixture(scope="package")
def data(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny dataset in a folder."""
    folder: Path = tmp_path_factory.mktemp("data") / "tiny"
    save_dataset(tiny, folder, "rsitmd")
    shutil.copytree(tiny.image_folder or "", folder / "images", dirs_exist_ok=True)
    return folder

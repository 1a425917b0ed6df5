"""A tiny dataset of drawn scenes that every test of the baselines can afford."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.formats import save_dataset
from tests.tiny_runs import drawn_dataset

SIDE = 48
TRAIN, TEST = 24, 8


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """24 train and 8 test scenes of 48 pixels, with sentences and keywords."""
    folder = tmp_path_factory.mktemp("tiny")
    return drawn_dataset(folder, TRAIN, TEST, side=SIDE, seed=0)


@pytest.fixture(scope="session")
def tiny_folder(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same in a folder, for commands. No test changes it."""
    folder: Path = tmp_path_factory.mktemp("data") / "tiny"
    save_dataset(tiny, folder, "rsitmd")
    shutil.copytree(tiny.image_folder or "", folder / "images", dirs_exist_ok=True)
    return folder

"""A tiny dataset of drawn scenes that every test of the baselines can afford."""

from __future__ import annotations

import pytest

from rsitmd_tools.dataset import Dataset
from tests.tiny_runs import drawn_dataset

SIDE = 48
TRAIN, TEST = 24, 8


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """24 train and 8 test scenes of 48 pixels, with sentences and keywords."""
    folder = tmp_path_factory.mktemp("tiny")
    return drawn_dataset(folder, TRAIN, TEST, side=SIDE, seed=0)

"""Galleries and a run that every test of the evaluation can afford."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rsitmd_tools.baselines.config import load_config
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.training.train import train
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from tests import tiny_runs

SETTINGS = (*tiny_runs.SETTINGS, "epochs=1")


@pytest.fixture(scope="session")
def trained(tiny: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of AMFMN on the tiny dataset; copy it before you change it."""
    config = load_config("amfmn-soft", SETTINGS)
    return train(tiny, config, tmp_path_factory.mktemp("runs") / "soft")


@pytest.fixture(scope="session")
def small_settings() -> tuple[str, ...]:
    """Settings of a model that is quick to train."""
    return SETTINGS


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run."""
    return Path(shutil.copytree(trained, tmp_path / "soft"))


@pytest.fixture
def uneven() -> Dataset:
    """Images of one, three and two sentences, one without any, one blank sentence."""
    sentences = (
        ("a red boat .",),
        ("two planes .", "  ", "two white planes .", "planes on grass ."),
        (),
        ("a road .", "a red boat ."),
    )
    keywords = (("red boat", "blue sea"), ("white plane",), (), ("Red Boat ", "blue sea"))
    images = [
        ImageRecord(f"im {n}.png", tuple(map(Sentence, each)), keywords[n], "test", "abba"[n])
        for n, each in enumerate(sentences)
    ]
    return Dataset("uneven", tuple(images), Path("nowhere"), "rsitmd")


@pytest.fixture
def gallery(uneven: Dataset) -> Gallery:
    """The gallery of the uneven dataset: three images, six texts."""
    return Gallery.of(uneven, "test")


@pytest.fixture
def tied() -> Callable[[int, int, int], np.ndarray]:
    """Return a function that draws scores of few values, so that many are equal."""

    def draw(seed: int, rows: int, columns: int) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 3, (rows, columns)).astype(np.float64)

    return draw

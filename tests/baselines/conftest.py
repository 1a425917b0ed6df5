"""A tiny dataset of drawn scenes that every test of the baselines can afford."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.demo.scenes.scene import draw_scenes

SIDE = 48
TRAIN, TEST = 24, 8


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """24 train and 8 test scenes of 48 pixels, with sentences and keywords."""
    folder = tmp_path_factory.mktemp("tiny")
    images = []
    for number, scene in enumerate(draw_scenes(TRAIN + TEST, seed=0)):
        name = f"{scene.category}_{number}.png"
        scene.image.resize((SIDE, SIDE), Image.Resampling.BILINEAR).save(folder / name)
        images.append(
            ImageRecord(
                name,
                tuple(Sentence(raw, who) for who, raw in scene.sentences),
                tuple(scene.keywords),
                "train" if number < TRAIN else "test",
                scene.category,
            )
        )
    return Dataset("tiny", tuple(images), Path(folder), "rsitmd", folder)

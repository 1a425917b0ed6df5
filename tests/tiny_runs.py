"""Drawn scenes and settings of runs that every test can afford."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.demo.scenes.scene import draw_scenes

# Of a model that is not trained; a test appends "epochs=1" for one that is.
SETTINGS = (
    "backbone=test_resnet",
    "epochs=0",
    "image_size=32",
    "dimension=16",
    "word_dimension=16",
    "batch_size=8",
    "margin.kind=fixed",
)


def drawn_dataset(folder: Path, train: int, test: int, *, side: int, seed: int) -> Dataset:
    """Draw scenes of ``side`` pixels into a folder; return them with sentences and keywords."""
    images = []
    for number, scene in enumerate(draw_scenes(train + test, seed=seed)):
        name = f"{scene.category}_{number}.png"
        scene.image.resize((side, side), Image.Resampling.BILINEAR).save(folder / name)
        images.append(
            ImageRecord(
                name,
                tuple(Sentence(raw, who) for who, raw in scene.sentences),
                tuple(scene.keywords),
                "train" if number < train else "test",
                scene.category,
            )
        )
    return Dataset("tiny", tuple(images), folder, "rsitmd", folder)


def write_mosaic(file: Path) -> Path:
    """Write a mosaic of six drawn scenes, 384 x 256 pixels."""
    mosaic = Image.new("RGB", (384, 256))
    for number, drawn in enumerate(draw_scenes(6, seed=2)):
        mosaic.paste(drawn.image.resize((128, 128)), (number % 3 * 128, number // 3 * 128))
    mosaic.save(file)
    return file

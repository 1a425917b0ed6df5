"""A dataset in a folder of its own, whose image files a test can change."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageOps

from rsitmd_tools.dataset import Dataset


def copied(dataset: Dataset, folder: Path) -> Dataset:
    """Copy the images of a dataset to a folder, and return the dataset with these images."""
    assert dataset.image_folder is not None
    shutil.copytree(dataset.image_folder, folder)
    return replace(dataset, image_folder=folder)


def change_image(dataset: Dataset, split: str = "train") -> None:
    """Invert an image of a split."""
    path = dataset.image_path(dataset.select(split).images[0])
    with Image.open(path) as image:
        changed = ImageOps.invert(image.convert("RGB"))
    changed.save(path)

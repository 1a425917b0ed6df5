"""Scenes with structure, as images and as datasets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from rsitmd_tools.dataset import Dataset, ImageRecord
from tests.quality.conftest import dataset, record

if TYPE_CHECKING:
    pass


SIZE = 96


GROUND = 20


def scene(number: int) -> Image.Image:
    """A picture with structure, another one for each number."""
    coarse = np.random.default_rng(number).integers(GROUND, 236, (9, 9, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    noise = np.random.default_rng(number + 99).integers(-9, 10, (SIZE, SIZE, 3))
    return Image.fromarray((np.asarray(image, int) + noise).clip(1, 254).astype(np.uint8))


def folder_of(tmp_path: Path, **images: Image.Image | bytes) -> Dataset:
    """Write images as ``<name>_1.tif``; the split is the part of the name before ``__``."""
    records = []
    for name, image in images.items():
        split, _, short = name.rpartition("__")
        file = tmp_path / f"{short}_1.tif"
        if isinstance(image, bytes):
            file.write_bytes(image)
        else:
            image.save(file)
        records.append(record(file.name, split=split or None))
    return dataset(*records, folder=tmp_path)


def placed(name: str, split: str, **extra: object) -> ImageRecord:
    return record(name, split=split, **extra)

"""The 44 images of UCM-captions that are not 256 x 256: cropped to a square and resized."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.ingest.importing import import_dataset
from rsitmd_tools.workspace import Workspace

SIDE = 256


def expected(path: Path) -> Image.Image:
    """Crop the largest centred square, and resize it as Pillow does."""
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def test_images_of_other_sizes(shared_data: Path, tmp_path: Path) -> None:
    data = load_dataset(shared_data / "ucm_full")
    folder = shared_data / "ucm_full" / "images"
    odd = []
    for image in data:
        with Image.open(folder / image.filename) as opened:
            if opened.size != (SIDE, SIDE):
                odd.append(image)
    assert len(odd) == 44
    some = Dataset(data.name, tuple(odd), data.source, data.format, data.image_folder)
    with Workspace.create(tmp_path / "w") as workspace:
        assert import_dataset(workspace, some).files.added == len(odd)
        rows = workspace.db.execute("SELECT filename, source FROM image").fetchall()
        for row in rows:
            with Image.open(workspace.images / row["filename"]) as stored:
                assert (stored.size, stored.mode) == ((SIDE, SIDE), "RGB")
                pixels = np.asarray(stored).astype(int)
            wanted = np.asarray(expected(folder / Path(row["source"]).name))
            # The filter may see the pixels beside the square, so its edge may differ a little.
            differing = np.abs(pixels - wanted)
            assert differing.max() <= 3, row["filename"]
            assert (differing > 0).mean() < 0.01, row["filename"]

"""Datasets written to a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from PIL import Image


def write_dataset(
    folder: Path, name: str, images: Mapping[str, tuple[str, Image.Image | None, str]]
) -> Path:
    """Write a dataset; the images are given as (split, picture, sentence) by file name."""
    (folder / "images").mkdir(parents=True)
    records = []
    for number, (filename, (split, image, sentence)) in enumerate(images.items()):
        if image is not None:
            image.save(folder / "images" / filename)
        records.append(
            {
                "imgid": number,
                "filename": filename,
                "split": split,
                "sentences": [{"raw": sentence, "sentid": number, "imgid": number}],
            }
        )
    path = folder / "dataset_RSITMD.json"
    path.write_text(json.dumps({"dataset": name, "images": records}))
    return folder

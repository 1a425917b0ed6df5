"""``benchmark search``: the images nearest to a sentence."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from rsitmd_tools.baselines.data.images import decode_images
from rsitmd_tools.baselines.evaluation.scoring import score_matrix
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage


def search(folder: Path, dataset: Dataset, text: str, count: int = 10) -> list[dict[str, Any]]:
    """Return the images nearest to a sentence, the nearest first.

    Raises:
        WrongUsage: The sentence is blank.
        RsitmdError: The run or the dataset cannot be used.
    """
    if not text.strip():
        raise WrongUsage("the sentence is blank", mend="give one with --text")
    if not len(dataset):
        raise RsitmdError("holds no images", where=dataset.source, mend="name another dataset")
    model, vocabulary, config = Run(folder).load()
    with tempfile.TemporaryDirectory() as scratch:
        pixels = decode_images(dataset, config.image_size, Path(scratch) / "images.npy")
        scores = score_matrix(model, vocabulary, pixels, [text])[:, 0]
    order = (-scores).argsort(kind="stable")[:count]
    return [
        {
            "rank": rank,
            "image": dataset.images[index].filename,
            "score": float(scores[index]),
            "category": dataset.images[index].category,
            "sentences": list(dataset.images[index].captions),
        }
        for rank, index in enumerate(order, 1)
    ]

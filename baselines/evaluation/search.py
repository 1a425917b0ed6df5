"""``benchmark search``: the images most similar to a sentence."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rsitmd_tools.baselines.data.images import decode_images
from rsitmd_tools.baselines.device import accelerator, check_device
from rsitmd_tools.baselines.evaluation.scoring import score_matrix
from rsitmd_tools.baselines.evaluation.trec import nearest
from rsitmd_tools.baselines.integrity import check_run
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage


@dataclass(frozen=True, slots=True)
class Search:
    """The images found, and notes for the user.

    Attributes:
        found: The images, the most similar first.
        notes: Notes, such as words that are not in the vocabulary.
    """

    found: list[dict[str, Any]]
    notes: list[str]


def search(
    folder: Path, dataset: Dataset, text: str, count: int = 10, device: str = "auto"
) -> Search:
    """Find the images most similar to a sentence.

    Args:
        folder: RUN.
        dataset: The images, including those without sentences.
        text: The sentence. Words that are not in the vocabulary become the unknown word, and
            a very long sentence is truncated.
        count: Maximum number of images.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        WrongUsage: The sentence is blank.
        RsitmdError: The run or the dataset cannot be used, or the device is not available.
    """
    if not text.strip():
        raise WrongUsage("the sentence is blank", hint="set one with --text")
    if not len(dataset):
        raise RsitmdError("contains no images", where=dataset.source, hint="use another dataset")
    check_device(device, 1)
    run = Run(folder)
    model, tokenizer, config = run.load()
    check_run(run, config)
    model.to(torch.device(accelerator(device)))
    with tempfile.TemporaryDirectory() as scratch:
        pixels = decode_images(dataset, config.image_size, Path(scratch) / "images.npy")
        scores = score_matrix(model, tokenizer, pixels, [text])[:, 0]
    if np.isnan(scores).any():
        first = dataset.images[int(np.flatnonzero(np.isnan(scores))[0])].filename
        raise RsitmdError(
            "the model's score is NaN", where=f"{folder}: {first}", hint="train the run again"
        )
    found = [
        {
            "rank": rank,
            "image": dataset.images[index].filename,
            "score": float(scores[index]),
            "category": dataset.images[index].category,
            "sentences": list(dataset.images[index].captions),
        }
        for rank, index in enumerate(nearest(scores, count).tolist(), 1)
    ]
    return Search(found, tokenizer.unread(text))

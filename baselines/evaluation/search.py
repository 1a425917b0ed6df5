"""``benchmark search``: the images nearest to a sentence."""

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
    """What was found, and what the searcher must know of it.

    Attributes:
        found: The images, the nearest first.
        notes: Such as words that the model never saw.
    """

    found: list[dict[str, Any]]
    notes: list[str]


def search(
    folder: Path, dataset: Dataset, text: str, count: int = 10, device: str = "auto"
) -> Search:
    """Find the images nearest to a sentence.

    Args:
        folder: RUN.
        dataset: The images; those without sentences too.
        text: The sentence. Words the training never had stand for one unknown word, and
            of a very long one the first words count.
        count: How many images, at most.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        WrongUsage: The sentence is blank.
        RsitmdError: The run or the dataset cannot be used, or the device is not there.
    """
    if not text.strip():
        raise WrongUsage("the sentence is blank", hint="give one with --text")
    if not len(dataset):
        raise RsitmdError("holds no images", where=dataset.source, hint="name another dataset")
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
            "the model's score is no number", where=f"{folder}: {first}", hint="train it again"
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

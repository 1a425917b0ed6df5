"""Train a model for each fold, and score the images and sentences that it has not learned from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.data.images import decode_images
from rsitmd_tools.baselines.device import accelerator
from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.scoring import score_matrix
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.suspects.scores import suspicion
from rsitmd_tools.baselines.training.train import Options, train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.dataset.folds import with_fold
from rsitmd_tools.dataset.suspects import Suspects, ranked
from rsitmd_tools.errors import RsitmdError

SHARE = 0.01  # of the sentences, which are findings by default

Entry = tuple[str, int, str, float, str]


def find_suspects(
    dataset: Dataset,
    config: Config,
    folds: Mapping[str, int],
    groups: Mapping[str, int],
    runs: Path,
    options: Options,
    flagged: int | None = None,
) -> Suspects:
    """Rank the sentences of a dataset by how badly they fit their image.

    For each fold, a model is trained on the images of the others and scores the images and
    sentences of the fold. The splits of the dataset do not matter.

    Args:
        dataset: The dataset.
        config: The configuration to train.
        folds: Fold of each image, from 0; groups of images are not parted.
        groups: Group of each image by file name: copies, and images of one place.
        runs: Folder of the runs ``fold-0``, ``fold-1`` and so on. Runs that are finished are not
            trained again, others go on.
        options: How the runs are trained.
        flagged: Number of sentences that are findings; by default one in a hundred.

    Raises:
        RsitmdError: A fold has too few images or one group only, or :func:`train` failed.
    """
    options = replace(options, resume=True, cache=options.cache or runs / "cache", images=dataset)
    entries: list[Entry] = []
    count = max(folds.values()) + 1
    for fold in range(count):
        part = with_fold(dataset, folds, fold)
        gallery = Gallery.of(part, "test")
        run = train(part, config, runs / f"fold-{fold}", replace(options, runs=count - fold))
        entries += _entries(gallery, groups, _scores(gallery, run, runs, options))
    if flagged is None:
        flagged = max(1, round(SHARE * len(entries)))
    return ranked(entries, flagged)


def _scores(
    gallery: Gallery, folder: Path, runs: Path, options: Options
) -> npt.NDArray[np.float32]:
    """Return the ``(N, M)`` scores of a gallery by a run."""
    model, tokenizer, config = Run(folder).load()
    model.to(torch.device(accelerator(options.device)))
    pixels = decode_images(gallery.part, config.image_size, runs / "images.npy")
    captions = gallery.part.captions()
    keywords = tokenizer.keywords_of(gallery.part)
    scores = score_matrix(model, tokenizer, pixels, captions, keywords)
    (runs / "images.npy").unlink(missing_ok=True)
    if not np.isfinite(scores).all():
        raise RsitmdError("the model's score is not finite", where=folder, hint="train it again")
    return scores


def _entries(
    gallery: Gallery, groups: Mapping[str, int], scores: npt.NDArray[np.float32]
) -> Iterator[Entry]:
    names = [image.filename for image in gallery.part]
    numbers = np.array([groups[name] for name in names])
    try:
        found, better = suspicion(scores, gallery.owners, numbers)
    except ValueError:
        raise RsitmdError(
            "all images of a fold are copies or show one place",
            where=gallery.asked.source,
            hint="use fewer folds, or a dataset with more images",
        ) from None
    for text, raw in enumerate(gallery.part.captions()):
        yield (
            names[gallery.owners[text]],
            int(gallery.places[text]),
            raw,
            round(float(found[text]), 6),
            names[better[text]],
        )

"""The prior of a training part: opened where one fits, else computed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.data.train_val_split import Parts
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.similarity import Prior, load_prior, write_prior

Indices = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class TrainingPrior:
    """The prior of a training part within a prior of more images.

    Attributes:
        prior: A prior of the pool, or of the whole split.
        rows: The row in it of each training image.
        columns: The column in it of each training caption.
    """

    prior: Prior
    rows: Indices
    columns: Indices

    def at(self, images: Indices, captions: Indices) -> npt.NDArray[np.floating[Any]]:
        """Return the block of some training images and captions."""
        return self.prior.at(self.rows[images], self.columns[captions])

    def describe(self) -> dict[str, str]:
        """Return what a result says of it."""
        return {"definition": self.prior.definition, "sha256": sha256_file(self.prior.path)}


def training_prior(
    dataset: Dataset, parts: Parts, folder: Path, named: Path | None = None
) -> TrainingPrior:
    """Open or compute the prior of a training part.

    Args:
        dataset: The dataset.
        parts: Its parts.
        folder: Where a prior is computed when none is at hand, by the definition
            ``reference``.
        named: A prior the user names; it must fit the split ``train`` or the pool.

    Raises:
        RsitmdError: The named prior was made of other data.
    """
    pool = parts.pool
    train = dataset.select("train")
    if named is not None:
        with contextlib.suppress(RsitmdError, _NotWithin):
            return _within(load_prior(named, train), train, parts)
        return _within(load_prior(named, pool), pool, parts)
    base = dataset.source if dataset.source.is_dir() else dataset.source.parent
    own = folder / "train.npy"
    for candidate, made_of in ((base / "prior" / "train.npy", train), (own, pool)):
        if candidate.exists():
            with contextlib.suppress(RsitmdError, _NotWithin):
                return _within(load_prior(candidate, made_of), made_of, parts)
    return _within(write_prior(pool, own, dtype="float32"), pool, parts)


class _NotWithin(Exception):
    """The prior lacks an image of the training part."""


def _within(prior: Prior, made_of: Dataset, parts: Parts) -> TrainingPrior:
    """Find the training part in what a prior was made of."""
    row_of = {image.filename: row for row, image in enumerate(made_of)}
    counts = np.array([len(image.sentences) for image in made_of])
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rows: list[int] = []
    columns: list[int] = []
    for image in parts.training:
        row = row_of.get(image.filename)
        if row is None:
            raise _NotWithin
        rows.append(row)
        places = {id(s): place for place, s in enumerate(made_of.images[row].sentences)}
        columns.extend(int(first[row]) + places[id(sentence)] for sentence in image.sentences)
    return TrainingPrior(prior, np.array(rows), np.array(columns))

"""The prior of a training part: an existing one if it matches, or a computed one."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.config import Config
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
        rows: Row of each training image in the prior.
        columns: Column of each training caption in the prior.
    """

    prior: Prior
    rows: Indices
    columns: Indices

    def at(self, images: Indices, captions: Indices) -> npt.NDArray[np.floating[Any]]:
        """Return the block of some training images and captions."""
        return self.prior.at(self.rows[images], self.columns[captions])

    def describe(self) -> dict[str, str]:
        """Return the definition and the checksum, for manifests and results."""
        return {"definition": self.prior.definition, "sha256": sha256_file(self.prior.path)}


def uses_prior(config: Config) -> bool:
    """Return whether the loss of a configuration reads prior similarities."""
    return config.loss == "triplet" and config.margin.kind == "dynamic"


def released_prior(dataset: Dataset, parts: Parts) -> TrainingPrior | None:
    """Return the prior beside a dataset; None if it does not match the training part.

    Args:
        dataset: The dataset.
        parts: Training and validation part.
    """
    base = dataset.source if dataset.source.is_dir() else dataset.source.parent
    return _existing(base / "prior" / "train.npy", dataset.select("train"), parts)


def training_prior(
    dataset: Dataset, parts: Parts, folder: Path, given: Path | None = None
) -> TrainingPrior:
    """Open or compute the prior of a training part.

    Args:
        dataset: The dataset.
        parts: Training and validation part.
        folder: Folder of a computed prior (definition ``reference``), which is used if the
            dataset has no matching prior.
        given: A prior chosen by the user; it must match the split ``train`` or the pool.

    Raises:
        RsitmdError: The given prior was computed from other data.
    """
    pool = parts.pool
    train = dataset.select("train")
    if given is not None:
        with contextlib.suppress(RsitmdError, _NotWithin):
            return _within(load_prior(given, train), train, parts)
        return _within(load_prior(given, pool), pool, parts)
    own = folder / "train.npy"
    found = released_prior(dataset, parts) or _existing(own, pool, parts)
    return found or _within(write_prior(pool, own, dtype="float32"), pool, parts)


def _existing(file: Path, source: Dataset, parts: Parts) -> TrainingPrior | None:
    if file.exists():
        with contextlib.suppress(RsitmdError, _NotWithin):
            return _within(load_prior(file, source), source, parts)
    return None


class _NotWithin(Exception):
    """The prior lacks an image of the training part."""


def _within(prior: Prior, source: Dataset, parts: Parts) -> TrainingPrior:
    """Locate the training part in the dataset from which the prior was computed."""
    row_of = {image.filename: row for row, image in enumerate(source)}
    counts = np.array([len(image.sentences) for image in source])
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rows: list[int] = []
    columns: list[int] = []
    for image in parts.training:
        row = row_of.get(image.filename)
        if row is None:
            raise _NotWithin
        rows.append(row)
        positions = {id(s): position for position, s in enumerate(source.images[row].sentences)}
        columns.extend(int(first[row]) + positions[id(sentence)] for sentence in image.sentences)
    return TrainingPrior(prior, np.array(rows), np.array(columns))

"""The training part and the validation part of a run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.config import Config, check_fold
from rsitmd_tools.baselines.data.names import check_names
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of

VALIDATION_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Parts:
    """The images available to a run, and the rows of the training and validation parts.

    Attributes:
        pool: Images with sentences in the splits ``train`` and ``val``.
        train_rows: Rows of the pool in the training part, ascending.
        val_rows: Rows of the pool in the validation part, ascending; empty without validation.
    """

    pool: Dataset
    train_rows: npt.NDArray[np.integer[Any]]
    val_rows: npt.NDArray[np.integer[Any]]

    @property
    def training(self) -> Dataset:
        """The training part."""
        return self._of(self.train_rows)

    @property
    def validation(self) -> Dataset:
        """The validation part."""
        return self._of(self.val_rows)

    def columns(self) -> npt.NDArray[np.integer[Any]]:
        """Return the column in the pool of each caption of the training part."""
        counts = np.array([len(image.sentences) for image in self.pool])
        first = np.concatenate([[0], np.cumsum(counts)[:-1]])
        return np.concatenate([first[row] + np.arange(counts[row]) for row in self.train_rows])

    def _of(self, rows: npt.NDArray[np.integer[Any]]) -> Dataset:
        return self.pool.with_images(self.pool.images[row] for row in rows)


def split_parts(dataset: Dataset, config: Config, excluded: Collection[str] = ()) -> Parts:
    """Select the training part and the validation part of a dataset.

    With folds, the seed assigns the images of ``train`` and ``val`` to folds of equal size, and
    one fold is the validation part. Otherwise the split ``val`` is the validation part, or a
    seeded tenth of ``train`` if the dataset has no ``val``. With ``validate=false`` the
    validation part is empty. The test split is never used. Blank sentences, and images that
    have only blank sentences, are ignored.

    Args:
        dataset: A dataset with a split ``train``.
        config: Settings: ``seed``, ``folds``, ``fold`` and ``validate``.
        excluded: File names to exclude.

    Raises:
        RsitmdError: A part has fewer than 2 images, or an image has two records.
        WrongUsage: The fold does not exist, or there are no folds.
    """
    check_fold(config)
    dataset.select("train")
    pool = _captioned(dataset, excluded)
    is_val = np.array([image.split == "val" for image in pool], bool)
    if not config.validate:
        is_val = np.zeros(len(pool), bool)
    elif config.folds:
        if config.fold >= config.folds:
            raise WrongUsage(
                f"fold={config.fold} does not exist",
                hint=f"use a fold from 0 to {config.folds - 1}",
            )
        order = np.random.default_rng(config.seed).permutation(len(pool))
        is_val = np.zeros(len(pool), bool)
        is_val[order[config.fold :: config.folds]] = True
    elif not is_val.any():
        order = np.random.default_rng(config.seed).permutation(len(pool))
        is_val[order[: max(2, round(VALIDATION_SHARE * len(pool)))]] = True
    parts = Parts(pool, np.flatnonzero(~is_val), np.flatnonzero(is_val))
    for name, rows in (("train", parts.train_rows), ("val", parts.val_rows)):
        if len(rows) < 2 and (name == "train" or config.validate):
            what, hint = _too_few(dataset, config, name)
            raise RsitmdError(
                f"{what} {count_of(len(rows), 'image')} with sentences",
                where=dataset.source,
                hint=hint,
            )
    return parts


def _too_few(dataset: Dataset, config: Config, part: str) -> tuple[str, str]:
    """Return the beginning of a message about a part with fewer than two images, and its hint."""
    if config.folds:
        fold = f"fold {config.fold} of {config.folds}"
        what = f"{fold} has" if part == "val" else f"training without {fold} has"
        return what, "use fewer folds"
    if part == "val":
        return "split 'val' has", "use a dataset with at least 2, or --set validate=false"
    if config.validate and not any(image.split == "val" for image in dataset):
        return (
            "without the images held out for validation, split 'train' has",
            "use a dataset with more, or --set validate=false",
        )
    return "split 'train' has", "use a dataset with at least 2"


def learns_from(config: Config, split: str) -> bool:
    """Return whether a run trains on images of a split, as selected by :func:`split_parts`.

    If a part of ``train`` is held out, this is still true: the run trains on most of it.
    """
    if config.epochs == 0:
        return False
    return split == "train" or (split == "val" and (config.folds > 0 or not config.validate))


def _captioned(dataset: Dataset, excluded: Collection[str]) -> Dataset:
    available = dataset.with_images(
        image
        for image in dataset
        if image.split in ("train", "val") and image.filename not in excluded
    )
    check_names(available)
    without_blank = (
        replace(image, sentences=tuple(s for s in image.sentences if s.raw.strip()))
        for image in available
    )
    return dataset.with_images(image for image in without_blank if image.sentences)

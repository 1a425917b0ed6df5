"""Which images train and which validate."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.data.names import check_names
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, WrongUsage

VALIDATION_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Parts:
    """The images a run may see, and their rows in each part.

    Attributes:
        pool: Images with sentences of ``train``, and of ``val`` where there is one.
        train_rows: Rows of the pool to learn from, ascending.
        val_rows: Rows of the pool to validate on, ascending; none where nothing is held out.
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
        """Return, for each caption of the training part, its column in the pool's."""
        counts = np.array([len(image.sentences) for image in self.pool])
        first = np.concatenate([[0], np.cumsum(counts)[:-1]])
        return np.concatenate([first[row] + np.arange(counts[row]) for row in self.train_rows])

    def _of(self, rows: npt.NDArray[np.integer[Any]]) -> Dataset:
        return self.pool.with_images(self.pool.images[row] for row in rows)


def split_parts(dataset: Dataset, config: Config, excluded: Collection[str] = ()) -> Parts:
    """Return the parts of a dataset.

    With folds, train and val together are dealt into equal parts by the seed, one of which
    validates. Else ``val`` does, or without one a seeded tenth of ``train``; or nothing
    does, where the configuration says so. The test split is never looked at. Blank sentences
    and images without any other are left out.

    Args:
        dataset: Needs a split ``train``.
        config: Says seed, folds, and whether to hold out anything.
        excluded: File names to leave out.

    Raises:
        RsitmdError: A part has fewer than two images, or an image has two records.
        WrongUsage: There is no such fold.
    """
    dataset.select("train")
    pool = _captioned(dataset, excluded)
    is_val = np.array([image.split == "val" for image in pool], bool)
    if not config.validate:
        is_val = np.zeros(len(pool), bool)
    elif config.folds:
        if config.fold >= config.folds:
            raise WrongUsage(f"fold={config.fold} of {config.folds} folds", hint="count from 0")
        order = np.random.default_rng(config.seed).permutation(len(pool))
        is_val = np.zeros(len(pool), bool)
        is_val[order[config.fold :: config.folds]] = True
    elif not is_val.any():
        order = np.random.default_rng(config.seed).permutation(len(pool))
        is_val[order[: max(2, round(VALIDATION_SHARE * len(pool)))]] = True
    parts = Parts(pool, np.flatnonzero(~is_val), np.flatnonzero(is_val))
    for name, rows in (("train", parts.train_rows), ("val", parts.val_rows)):
        if len(rows) < 2 and (name == "train" or config.validate):
            part = f"fold {config.fold} of {config.folds}" if config.folds else f"split {name!r}"
            raise RsitmdError(
                f"{part} has {len(rows)} images with sentences",
                where=dataset.source,
                hint="ask for fewer folds" if config.folds else "two are the least to learn from",
            )
    return parts


def learns_from(config: Config, split: str) -> bool:
    """Say whether a run learns from images of a split, by what :func:`split_parts` deals.

    Of ``train`` with a part of it held out the answer is yes: most of it is learned from.
    """
    if config.epochs == 0:
        return False
    return split == "train" or (split == "val" and (config.folds > 0 or not config.validate))


def _captioned(dataset: Dataset, excluded: Collection[str]) -> Dataset:
    from dataclasses import replace

    seen = dataset.with_images(
        image
        for image in dataset
        if image.split in ("train", "val") and image.filename not in excluded
    )
    check_names(seen)
    written = (
        replace(image, sentences=tuple(s for s in image.sentences if s.raw.strip()))
        for image in seen
    )
    return dataset.with_images(image for image in written if image.sentences)

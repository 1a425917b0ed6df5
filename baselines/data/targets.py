"""What the loss knows of the pairs of a batch: which are negatives, and their prior."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rsitmd_tools.dataset import Dataset

Indices = npt.NDArray[np.integer[Any]]


class PriorOf(Protocol):
    """A prior of the training part."""

    def at(self, images: Indices, captions: Indices) -> npt.NDArray[np.floating[Any]]:
        """Return the block of some training images and captions."""


class Targets:
    """Negatives and prior similarities of the pairs of a batch.

    Args:
        training: The training part.
        mask_equal: Ignore a negative whose sentence is equal to a sentence of the image,
            ignoring case.
        prior: The prior of the training part, for a dynamic margin.
    """

    def __init__(self, training: Dataset, mask_equal: bool, prior: PriorOf | None) -> None:
        self._prior = prior
        self._known: Indices | None = None
        if mask_equal:
            number: dict[str, int] = {}
            texts = [number.setdefault(c.strip().lower(), len(number)) for c in training.captions()]
            self._texts = np.array(texts, np.int64)
            # Sorted numbers of the pairs in which the sentence equals one of the image's sentences.
            owners = np.array(training.caption_owners(), np.int64)
            self._known = np.unique(owners * len(number) + self._texts)
            self._count = len(number)

    def negative(self, images: Indices, columns: Indices) -> npt.NDArray[np.bool_]:
        """Return ``(B, B)``: whether image and sentence are a negative pair.

        A sentence of the same image is not, even in another pair of the batch.
        """
        negative: npt.NDArray[np.bool_] = images[:, None] != images[None]
        if self._known is not None:
            pairs = images[:, None] * self._count + self._texts[columns]
            places = np.searchsorted(self._known, pairs).clip(max=len(self._known) - 1)
            negative &= self._known[places] != pairs
        return negative

    def prior(self, images: Indices, columns: Indices) -> npt.NDArray[np.float32]:
        """Return the ``(B, B)`` prior similarities; ``(0, 0)`` if the loss needs none."""
        if self._prior is None:
            return np.empty((0, 0), np.float32)
        return np.ascontiguousarray(self._prior.at(images, columns), np.float32)

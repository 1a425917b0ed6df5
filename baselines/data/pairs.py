"""Pairs for training: every image once an epoch with one of its captions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler

from rsitmd_tools.baselines.data.images import TrainingTransform
from rsitmd_tools.dataset import Dataset


class Pairs(TorchDataset[tuple[Tensor, int, int]]):
    """Image, its index, and the column of the caption drawn for this epoch.

    What is drawn depends on the seed, the epoch and the index alone, not on what was drawn
    before: a resumed run draws the same.
    """

    def __init__(
        self, dataset: Dataset, pixels: npt.NDArray[np.uint8], crop: int, seed: int
    ) -> None:
        counts = [len(image.sentences) for image in dataset]
        self.counts = np.array(counts)
        self.first = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self.pixels = pixels
        self.seed = seed
        self.epoch = 0
        self._transform = TrainingTransform(crop)

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, index: int) -> tuple[Tensor, int, int]:
        draw = np.random.default_rng([self.seed, self.epoch, index])
        caption = int(self.first[index] + draw.integers(self.counts[index]))
        image = self._transform(self.pixels[index], int(draw.integers(2**31)))
        return image, index, caption


class EpochSampler(Sampler[int]):
    """An order of the images that is a function of seed and epoch."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs

    def set_epoch(self, epoch: int) -> None:
        """Called before each epoch by the trainer."""
        self._pairs.epoch = epoch

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[int]:
        order = np.random.default_rng([self._pairs.seed, self._pairs.epoch])
        return iter(order.permutation(len(self._pairs)).tolist())

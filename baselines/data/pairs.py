"""Training pairs, drawn by seed and epoch.

The draws of an epoch (order, captions, views, augmentation) depend only on the seed and the
number of the epoch, not on earlier draws. So a resumed run draws the same pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset
from torch.utils.data import Sampler, get_worker_info

from rsitmd_tools.baselines.data.features import Features
from rsitmd_tools.baselines.data.images import TrainingTransform
from rsitmd_tools.baselines.data.mapped import MappedArray
from rsitmd_tools.dataset import Dataset

# Feature tensors (or a single tensor of images), image indices, caption columns.
Batch = tuple[list[Tensor], Tensor, Tensor]
Indices = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """The draws of an epoch, one entry per pair in order.

    Attributes:
        images: ``(P,)``, index of the image in the training part.
        columns: ``(P,)``, column of the caption.
        views: ``(P,)``, view of the image.
        seeds: ``(P,)``, seed of the augmentation.
    """

    images: Indices
    columns: Indices
    views: Indices
    seeds: Indices


class Pairs:
    """The pairs of a training part in each epoch.

    Args:
        training: The training part.
        captions: ``one`` random caption per image and epoch, or ``all``.
        views: Number of views.
        seed: Seed of all draws.
    """

    def __init__(self, training: Dataset, captions: str, views: int, seed: int) -> None:
        self._owners = np.array(training.caption_owners())
        self._counts = np.bincount(self._owners, minlength=len(training))
        self._first = np.concatenate([[0], np.cumsum(self._counts)[:-1]])
        self._all = captions == "all"
        self._views = views
        self._seed = seed

    def __len__(self) -> int:
        return len(self._owners) if self._all else len(self._counts)

    def plan(self, epoch: int) -> Plan:
        """Return the draws of an epoch."""
        draw = np.random.default_rng([self._seed, epoch])
        drawn = self._first + draw.integers(self._counts)
        columns = np.arange(len(self._owners)) if self._all else drawn
        columns = columns[draw.permutation(len(columns))]
        return Plan(
            self._owners[columns],
            columns,
            draw.integers(self._views, size=len(columns)),
            draw.integers(2**31, size=len(columns)),
        )


class EpochBatches(Sampler[tuple[int, slice]]):
    """Batches of an epoch: the number of the epoch and the positions of the pairs.

    With several processes, each process takes an equal share of every batch, so that the
    negatives can be gathered.

    Args:
        pairs: Number of pairs in an epoch.
        batch_size: Pairs in a batch of all processes.
    """

    def __init__(self, pairs: int, batch_size: int) -> None:
        self._pairs = pairs
        self._batch = min(batch_size, pairs)
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the number of the epoch; the trainer calls this before each epoch."""
        self._epoch = epoch

    def _bounds(self) -> list[tuple[int, int]]:
        _, world = process()
        bounds = []
        for first in range(0, self._pairs, self._batch):
            last = min(first + self._batch, self._pairs)
            last -= (last - first) % world
            # A batch of one pair has no negatives.
            if last - first > 1:
                bounds.append((first, last))
        return bounds

    def __len__(self) -> int:
        return len(self._bounds())

    def __iter__(self) -> Iterator[tuple[int, slice]]:
        rank, world = process()
        for first, last in self._bounds():
            yield self._epoch, slice(first + rank, last, world)


class PairBatches(TorchDataset[Batch]):
    """Complete batches, indexed by the items of :class:`EpochBatches`.

    Args:
        pairs: The pairs.
        source: Features of a frozen backbone, or decoded images.
        rows: ``(N,)``, row of each training image in the source.
        transform: Augmentation of decoded images.
    """

    def __init__(
        self,
        pairs: Pairs,
        source: Features | MappedArray,
        rows: Indices,
        transform: TrainingTransform,
    ) -> None:
        self._pairs = pairs
        self._source = source
        self._rows = rows
        self._transform = transform
        self._plan: tuple[int, Plan] | None = None

    def __getitem__(self, key: tuple[int, slice]) -> Batch:
        epoch, positions = key
        if self._plan is None or self._plan[0] != epoch:
            self._plan = (epoch, self._pairs.plan(epoch))
        plan = self._plan[1]
        images, views = plan.images[positions], plan.views[positions]
        rows = self._rows[images]
        if isinstance(self._source, Features):
            parts = self._source.at(rows, views)
        else:
            seeds = plan.seeds[positions]
            augmented = [
                self._transform(self._source.array[row], int(seed), int(view))
                for row, seed, view in zip(rows, seeds, views, strict=True)
            ]
            parts = [torch.stack(augmented)]
        indices = torch.from_numpy(images), torch.from_numpy(plan.columns[positions])
        if get_worker_info() is not None:
            # Otherwise torch does this in a thread that hides errors: if the shared memory is full,
            # the batch would never arrive.
            for tensor in (*parts, *indices):
                tensor.share_memory_()  # type: ignore[no-untyped-call]
        return parts, *indices


def process() -> tuple[int, int]:
    """Return the rank of this process and the number of processes."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1

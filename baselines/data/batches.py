"""The batches of an epoch, prepared ahead by a thread.

A batch holds everything a step needs, so that a step on a GPU never waits for the host.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rsitmd_tools.baselines.base import Texts
from rsitmd_tools.baselines.data.ahead import ahead
from rsitmd_tools.baselines.data.pairs import Indices, Pairs, Plan, process
from rsitmd_tools.baselines.data.rows import StoredRows
from rsitmd_tools.baselines.data.targets import Targets

# Batches prepared ahead.
AHEAD = 3


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of B pairs. This process trains b of them; a single process trains all.

    Attributes:
        images: ``(B,)``, index of each image in the training part; stays on the host.
        rows: ``(b,)`` int64, row of each image in the stored images or features.
        views: ``(b,)`` int64, view of each image.
        degrees: ``(b,)`` float32, rotation of each image.
        corners: ``(b, 2)`` int64, corner of each crop.
        stored: The rows themselves, if the device does not keep them.
        texts: b texts.
        negative: ``(B, B)`` bool, negative pairs.
        prior: ``(B, B)`` float32, prior similarities; ``(0, 0)`` if the loss needs none.
    """

    images: Indices
    rows: Tensor
    views: Tensor
    degrees: Tensor
    corners: Tensor
    stored: tuple[Tensor, ...]
    texts: Texts
    negative: Tensor
    prior: Tensor

    def tensors(self) -> list[Tensor]:
        """Return all tensors, always in the same order."""
        return [
            *(self.rows, self.views, self.degrees, self.corners, self.negative, self.prior),
            *self.stored,
            *(getattr(self.texts, each.name) for each in fields(Texts)),
        ]

    def map(self, function: Callable[[Tensor], Tensor]) -> Batch:
        """Return the batch with a function of each tensor."""
        return Batch(
            self.images,
            function(self.rows),
            function(self.views),
            function(self.degrees),
            function(self.corners),
            tuple(function(part) for part in self.stored),
            Texts(*(function(getattr(self.texts, each.name)) for each in fields(Texts))),
            function(self.negative),
            function(self.prior),
        )


class Batches:
    """The batches of an epoch. With several processes, each takes a share of every batch.

    Lightning calls ``sampler.set_epoch`` before each epoch.

    Args:
        pairs: The pairs of an epoch.
        batch_size: Pairs in a batch of all processes.
        source: Stored images or features.
        rows: ``(N,)``, row of each training image in the source.
        texts: All captions of the training part.
        targets: Negatives and priors.
        room: Size of the stored images minus that of the crops, in pixels.
        device: Where the batches go; a GPU reads the rows of the source from its own memory.
    """

    def __init__(
        self,
        pairs: Pairs,
        batch_size: int,
        source: StoredRows,
        rows: Indices,
        texts: Texts,
        targets: Targets,
        room: int,
        device: str,
    ) -> None:
        self._pairs = pairs
        self._batch_size = min(batch_size, len(pairs))
        self._source = source
        self._rows = rows
        self._texts = texts
        self._targets = targets
        self._room = room
        self._cuda = device == "cuda"
        self._epoch = 0

    @property
    def batch_size(self) -> int:
        """Pairs in a batch of all processes."""
        return self._batch_size

    def of_size(self, batch_size: int) -> Batches:
        """Return the same pairs in batches of another size."""
        other = copy.copy(self)
        other._batch_size = min(batch_size, len(self._pairs))
        return other

    @property
    def sampler(self) -> Batches:
        """What sets the epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Set the number of the epoch."""
        self._epoch = epoch

    def bounds(self) -> list[tuple[int, int]]:
        """Return the first and the last position of each batch in the plan."""
        _, world = process()
        bounds = []
        for first in range(0, len(self._pairs), self._batch_size):
            last = min(first + self._batch_size, len(self._pairs))
            last -= (last - first) % world
            # A batch of one pair has no negatives.
            if last - first > 1:
                bounds.append((first, last))
        return bounds

    def __len__(self) -> int:
        return len(self.bounds())

    def __iter__(self) -> Iterator[Batch]:
        plan, (rank, world) = self._pairs.plan(self._epoch), process()
        return ahead(
            (self._batch(plan, first, last, rank, world) for first, last in self.bounds()), AHEAD
        )

    def _batch(self, plan: Plan, first: int, last: int, rank: int, world: int) -> Batch:
        whole, own = slice(first, last), slice(first + rank, last, world)
        images, columns = plan.images[whole], plan.columns[whole]
        rows, views = self._rows[plan.images[own]], plan.views[own]
        batch = Batch(
            images,
            _tensor(rows),
            _tensor(views),
            _tensor(plan.degrees[own]),
            _tensor(plan.corners(self._room)[own]),
            tuple(self._source.read(rows, views)),
            self._texts.take(_tensor(plan.columns[own]), fixed_sizes=self._cuda),
            torch.from_numpy(self._targets.negative(images, columns)),
            torch.from_numpy(self._targets.prior(images, columns)),
        )
        # Only pinned memory is copied to a GPU while it computes.
        return batch.map(Tensor.pin_memory) if self._cuda else batch


def _tensor(values: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))

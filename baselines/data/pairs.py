"""Training pairs, drawn by seed and epoch.

The draws of an epoch (order, captions, views, augmentation) depend only on the seed and the
number of the epoch, not on earlier draws. So a resumed run draws the same pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from rsitmd_tools.baselines.data.augmentation import MAX_DEGREES
from rsitmd_tools.dataset import Dataset

Indices = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """The draws of an epoch, one entry per pair in order.

    Attributes:
        images: ``(P,)``, index of the image in the training part.
        columns: ``(P,)``, column of the caption.
        views: ``(P,)``, view of the image.
        degrees: ``(P,)`` float32, rotation of the image if there is only one view.
        shifts: ``(P, 2)`` in [0, 1), place of the crop between the first and the last possible.
    """

    images: Indices
    columns: Indices
    views: Indices
    degrees: npt.NDArray[np.float32]
    shifts: npt.NDArray[np.float64]

    def corners(self, room: int) -> Indices:
        """Return the ``(P, 2)`` top and left corners of crops, from 0 to ``room``."""
        return np.floor(self.shifts * (room + 1)).astype(np.int64)


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
            (MAX_DEGREES * draw.random(len(columns))).astype(np.float32),
            draw.random((len(columns), 2)),
        )


def process() -> tuple[int, int]:
    """Return the rank of this process and the number of processes."""
    distributed = torch.distributed
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1

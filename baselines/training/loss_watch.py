"""The losses of an epoch, checked without making a GPU wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rsitmd_tools.errors import RsitmdError


@dataclass(frozen=True, slots=True)
class _Pending:
    """A loss on its way to the host."""

    step: int
    epoch: int
    images: npt.NDArray[np.integer[Any]]
    loss: Tensor
    arrived: torch.cuda.Event | None


class LossWatch:
    """Collects the loss of each step; a loss that is not finite is an error.

    Args:
        names: Names of the training images, for the message.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._pending: deque[_Pending] = deque()
        self._losses: list[float] = []

    def add(
        self, loss: Tensor, step: int, epoch: int, images: npt.NDArray[np.integer[Any]]
    ) -> None:
        """Add the loss of a step, and check all losses that have arrived.

        Args:
            loss: The loss, summed over the batch.
            step: Number of the step.
            epoch: Number of the epoch.
            images: Images of the batch.

        Raises:
            RsitmdError: An earlier loss, or this one, is not finite.
        """
        host, arrived = loss.detach(), None
        if loss.is_cuda:
            host = torch.empty_like(host, device="cpu", pin_memory=True)
            host.copy_(loss.detach(), non_blocking=True)
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record()
        self._pending.append(_Pending(step, epoch, images, host, arrived))
        while self._pending and _has_arrived(self._pending[0]):
            self._check(self._pending.popleft())

    def mean(self) -> float:
        """Wait for all losses; return their mean per pair, and forget them.

        Raises:
            RsitmdError: A loss is not finite.
        """
        while self._pending:
            pending = self._pending.popleft()
            if pending.arrived is not None:
                pending.arrived.synchronize()
            self._check(pending)
        mean = float(np.mean(self._losses))
        self._losses = []
        return mean

    def _check(self, pending: _Pending) -> None:
        value = pending.loss.item()
        if not np.isfinite(value):
            names = ", ".join(self._names[image] for image in pending.images.tolist())
            raise RsitmdError(
                f"the loss is {value} at step {pending.step} (epoch {pending.epoch + 1})",
                where=f"batch of images {names}",
                hint="use a lower learning rate with --set lr=...",
            )
        self._losses.append(value / len(pending.images))


def _has_arrived(pending: _Pending) -> bool:
    return pending.arrived is None or bool(pending.arrived.query())  # type: ignore[no-untyped-call]

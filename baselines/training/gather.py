"""Gathering the negatives of all processes, with their gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rsitmd_tools.baselines.data.pairs import process


class _Gather(torch.autograd.Function):
    """All-gather whose gradient is the sum over the processes of what each has of it."""

    @staticmethod
    def forward(context: Any, own: Tensor) -> Tensor:
        _, world = process()
        parts = [torch.empty_like(own) for _ in range(world)]
        torch.distributed.all_gather(parts, own.contiguous())
        # Pair p of the batch is the (p // world)-th of process p % world.
        return torch.stack(parts, 1).flatten(0, 1)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        rank, world = process()
        summed = gradient.contiguous()
        torch.distributed.all_reduce(summed)
        return summed[rank::world]


def gather(own: Tensor) -> Tensor:
    """Return the rows of all processes in the order of the batch: ``(b, ...)`` to ``(B, ...)``.

    Every process computes the whole loss, so the sum of the gradients is ``world`` times
    the gradient of one process's rows, and averaging over the processes, as is done with
    parameters, restores what one process alone would find.
    """
    if process()[1] == 1:
        return own
    if own.is_floating_point():
        gathered: Tensor = _Gather.apply(own)
        return gathered
    return _Gather.forward(None, own)

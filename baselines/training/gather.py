"""Gather the negatives of all processes, with gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rsitmd_tools.baselines.data.pairs import process


class _Gather(torch.autograd.Function):
    """All-gather whose gradient is the sum of the gradients of all processes."""

    @staticmethod
    def forward(context: Any, own: Tensor) -> Tensor:
        _, world = process()
        parts = [torch.empty_like(own) for _ in range(world)]
        torch.distributed.all_gather(parts, own.contiguous())
        # Pair p of the batch is item p // world of process p % world.
        return torch.stack(parts, 1).flatten(0, 1)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        rank, world = process()
        summed = gradient.contiguous()
        torch.distributed.all_reduce(summed)
        return summed[rank::world]


def gather(own: Tensor) -> Tensor:
    """Return the rows of all processes in the order of the batch: ``(b, ...)`` to ``(B, ...)``.

    Every process computes the loss of the whole batch, so the summed gradient is ``world`` times
    the gradient of the own rows. DDP averages the gradients of parameters over the processes,
    which gives the gradients of training in a single process.
    """
    if process()[1] == 1:
        return own
    if own.is_floating_point():
        gathered: Tensor = _Gather.apply(own)
        return gathered
    return _Gather.forward(None, own)

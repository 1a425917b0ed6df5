"""Forward and backward of a step as one CUDA graph.

A step of ResNet-18 with 100 images starts about 600 kernels. Python needs longer to start them
than a fast GPU to run them. A graph starts all of them at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rsitmd_tools.baselines.data.batches import Batch

# Batches of more shapes than this are computed without a graph.
MAX_GRAPHS = 16
# Each graph has gradients of its own. Together they take at most this share of the memory.
GRADIENT_SHARE = 0.1

Shape = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class _Recorded:
    """A graph with the memory it reads and writes."""

    graph: torch.cuda.CUDAGraph
    inputs: list[Tensor]
    loss: Tensor
    gradients: list[Tensor | None]


class GraphedSteps:
    """Computes the loss and the gradients of a batch.

    The first batch of each shape is computed kernel by kernel, which also prepares the
    libraries. The second one records a graph, which later batches of this shape replay.

    Args:
        loss_of: Computes the loss of a batch without waiting for the GPU.
        parameters: The parameters that get gradients.
    """

    def __init__(
        self, loss_of: Callable[[Batch], Tensor], parameters: Sequence[nn.Parameter]
    ) -> None:
        self._loss_of = loss_of
        self._parameters = list(parameters)
        self._most: int | None = None
        self._seen: Counter[Shape] = Counter()
        self._recorded: dict[Shape, _Recorded] = {}

    def __call__(self, batch: Batch) -> tuple[Tensor, bool]:
        """Compute the loss of a batch.

        Returns:
            The loss, and whether the gradients are computed, too. If not, the caller computes
            them with ``loss.backward()``.
        """
        shape = tuple(tuple(tensor.shape) for tensor in batch.tensors())
        recorded = self._recorded.get(shape)
        if recorded is None:
            self._seen[shape] += 1
            if self._seen[shape] == 1 or len(self._recorded) >= self._allowed(batch):
                return self._loss_of(batch), False
            recorded = self._recorded[shape] = self._record(batch)
        for own, given in zip(recorded.inputs, batch.tensors(), strict=True):
            own.copy_(given, non_blocking=True)
        recorded.graph.replay()
        for parameter, gradient in zip(self._parameters, recorded.gradients, strict=True):
            parameter.grad = gradient
        return recorded.loss.clone(), True

    def _allowed(self, batch: Batch) -> int:
        if self._most is None:
            total = torch.cuda.get_device_properties(batch.rows.device).total_memory
            sizes = (parameter.numel() * parameter.element_size() for parameter in self._parameters)
            self._most = allowed_graphs(sum(sizes), total)
        return self._most

    def _record(self, batch: Batch) -> _Recorded:
        inputs = batch.map(torch.clone)
        graph = torch.cuda.CUDAGraph()
        pool = next((other.graph.pool() for other in self._recorded.values()), None)
        for parameter in self._parameters:
            parameter.grad = None  # its memory becomes part of the graph
        # Another thread pins memory meanwhile, which is an error in other modes.
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            loss = self._loss_of(inputs)
            with torch.autocast("cuda", enabled=False):
                loss.backward()  # type: ignore[no-untyped-call]
        gradients = [parameter.grad for parameter in self._parameters]
        return _Recorded(graph, inputs.tensors(), loss.detach(), gradients)


def allowed_graphs(gradients: int, total: int) -> int:
    """Return the number of graphs whose gradients take a small share of the memory.

    Args:
        gradients: Bytes of the gradients of a model.
        total: Bytes of memory of the GPU.
    """
    return min(MAX_GRAPHS, int(GRADIENT_SHARE * total / max(1, gradients)))

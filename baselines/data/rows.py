"""Rows of stored images or features, in the memory of the device if they fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rsitmd_tools.baselines.data.mapped import MappedArray

# Share of the free memory of a GPU that stored images may take; a step needs the rest.
MEMORY_SHARE = 0.5
# Bytes copied to the device at once.
COPIED = 2**28


class StoredRows:
    """Memory-mapped arrays from which batches take rows.

    On a GPU, the arrays are copied to its memory if they fit in half of what is free. Else the
    rows of each batch are read ahead and sent to it (:mod:`.batches`).

    Args:
        arrays: ``(N, ...)`` images, or ``(N, K, ...)`` features in K views.
        by_view: Whether the arrays have views.
    """

    def __init__(self, arrays: Sequence[MappedArray], by_view: bool) -> None:
        self._arrays = list(arrays)
        self._by_view = by_view
        self._on_device: list[Tensor] = []

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is in the memory of a device: another process has another device."""
        return {**self.__dict__, "_on_device": []}

    @property
    def resident(self) -> bool:
        """Whether the arrays are in the memory of the device."""
        return bool(self._on_device)

    def load(self, device: torch.device) -> bool:
        """Copy the arrays to the memory of a GPU if they fit in a share of what is free.

        Returns:
            Whether the arrays are there; never on other devices.
        """
        if device.type != "cuda" or self.resident:
            return self.resident
        free, _ = torch.cuda.mem_get_info(device)
        if sum(mapped.array.nbytes for mapped in self._arrays) > MEMORY_SHARE * free:
            return False
        self._on_device = [_copied(mapped.array, device) for mapped in self._arrays]
        return True

    def read(self, rows: npt.NDArray[np.integer], views: npt.NDArray[np.integer]) -> list[Tensor]:
        """Read rows from the files; nothing if the arrays are on the device."""
        if self.resident:
            return []
        where = (rows, views) if self._by_view else rows
        return [torch.from_numpy(mapped.array[where]) for mapped in self._arrays]

    def take(self, read: Sequence[Tensor], rows: Tensor, views: Tensor) -> list[Tensor]:
        """Return the rows of a batch on its device: those that were read, or those kept there."""
        if not self.resident:
            return list(read)
        if self._by_view:
            return [array[rows, views] for array in self._on_device]
        return [array.index_select(0, rows) for array in self._on_device]


def _copied(array: npt.NDArray[Any], device: torch.device) -> Tensor:
    dtype = torch.from_numpy(np.empty(0, array.dtype)).dtype
    copy = torch.empty(array.shape, dtype=dtype, device=device)
    rows = max(1, COPIED // max(1, array[:1].nbytes))
    for first in range(0, len(array), rows):
        block = torch.from_numpy(np.array(array[first : first + rows]))
        copy[first : first + rows].copy_(block)
    return copy

"""Multiscale features: low, high and global (section III-A)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


class MultiscaleFeatures(nn.Module):
    """Low-level, high-level and global features of an image from four maps.

    With ResNet-18 at 256 pixels: v(l) from stages 1 and 2, ``(B, 192, 64, 64)``; v(h) from
    stages 3 and 4, ``(B, 768, 16, 16)``; v(g), the mean of stage 4 over space mapped to
    ``(B, d)``. The paper speaks of five maps; its public code takes these four, as here.
    """

    def __init__(self, channels: Sequence[int], dimension: int, dropout: float = 0.0) -> None:
        super().__init__()
        one, two, three, four = channels
        self.low_channels = one + two
        self.high_channels = three + four
        self.drop = nn.Dropout(dropout)
        self.to_global = nn.Linear(four, dimension)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Map four maps ``(B, C_i, H_i, W_i)``, finest first, to v(l), v(h), v(g)."""
        one, two, three, four = maps
        low = torch.cat([one, _to_size_of(two, one)], 1)
        high = torch.cat([three, _to_size_of(four, three)], 1)
        return low, high, self.overall(four.mean((2, 3)))

    def overall(self, pooled: Tensor) -> Tensor:
        """Map stage 4, pooled over space, to v(g)."""
        overall: Tensor = self.to_global(self.drop(pooled))
        return overall


def _to_size_of(small: Tensor, large: Tensor) -> Tensor:
    return interpolate(small, large.shape[2:], mode="bilinear", align_corners=False)

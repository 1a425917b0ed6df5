"""Multiscale features: low, high and global (section III-A)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from rsitmd_tools.baselines.backbone import Backbone


class MultiscaleFeatures(nn.Module):
    """Low-level, high-level and global features of an image.

    With ResNet-18 at 256 pixels: v(l) from stages 1 and 2, ``(B, 192, 64, 64)``; v(h) from
    stages 3 and 4, ``(B, 768, 16, 16)``; v(g), the mean of stage 4 over space mapped to
    ``(B, d)``. The paper speaks of five maps; its public code takes these four, as here.
    """

    def __init__(self, backbone: Backbone, dimension: int) -> None:
        super().__init__()
        self.backbone = backbone
        one, two, three, four = backbone.channels
        self.low_channels = one + two
        self.high_channels = three + four
        self.to_global = nn.Linear(four, dimension)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map ``(B, 3, H, W)`` to v(l), v(h), v(g)."""
        one, two, three, four = self.backbone(images)
        low = torch.cat([one, _to_size_of(two, one)], 1)
        high = torch.cat([three, _to_size_of(four, three)], 1)
        return low, high, self.to_global(four.mean((2, 3)))


def _to_size_of(small: Tensor, large: Tensor) -> Tensor:
    return interpolate(small, large.shape[2:], mode="bilinear", align_corners=False)

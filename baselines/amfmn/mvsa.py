"""MVSA: multiscale visual self-attention (equations 14 to 19)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, normalize

CHANNELS = 3
GRID = 16


class MVSA(nn.Module):
    """Low and high features tell which parts of the global one are salient.

    As in the paper, with the PReLU and the L2 norm that the public code leaves out. Maps
    are brought to a grid of 16 x 16 cells, their size at 256 pixels, so that other image
    sizes have the same parameters.
    """

    def __init__(self, low_channels: int, high_channels: int, dimension: int) -> None:
        super().__init__()
        self.reduce_low = nn.Sequential(
            nn.Conv2d(low_channels, CHANNELS, 3, stride=4, padding=1), nn.PReLU()
        )
        self.reduce_high = nn.Sequential(nn.Conv2d(high_channels, CHANNELS, 1), nn.PReLU())
        self.content = nn.Conv2d(2 * CHANNELS, 1, 1)
        self.gate = nn.Conv2d(2 * CHANNELS, 1, 1)
        self.to_mask = nn.Linear(GRID * GRID, dimension)

    def forward(self, low: Tensor, high: Tensor, overall: Tensor) -> Tensor:
        """Return F_v = v(g) * mask, ``(B, d)``."""
        return overall * torch.sigmoid(self.to_mask(self.saliency(low, high).flatten(1)))

    def saliency(self, low: Tensor, high: Tensor) -> Tensor:
        """Return the gated map ``(B, 1, 16, 16)`` the mask is made of (equation 18)."""
        reduced_low = adaptive_avg_pool2d(self.reduce_low(low), GRID)
        reduced_high = adaptive_avg_pool2d(self.reduce_high(high), GRID)
        joint = reduced_high.mean(1, keepdim=True)
        mixed = normalize(torch.cat([reduced_low, reduced_high], 1) + joint, dim=1)
        salient: Tensor = self.content(mixed) * torch.sigmoid(self.gate(mixed))
        return salient

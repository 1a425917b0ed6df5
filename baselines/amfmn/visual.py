"""The global feature of an image (section III-A)."""

from __future__ import annotations

from torch import Tensor, nn


class GlobalFeature(nn.Module):
    """v(g): the spatial mean of the last stage, mapped to d dimensions.

    The other features of section III-A, v(l) and v(h), are computed in MVSA. The paper mentions
    five feature maps; its public code uses four stages, and so does this module.
    """

    def __init__(self, channels: int, dimension: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.to_global = nn.Linear(channels, dimension)

    def forward(self, pooled: Tensor) -> Tensor:
        """Map ``(B, C)`` to ``(B, d)``."""
        overall: Tensor = self.to_global(self.drop(pooled))
        return overall

"""The global feature of an image (section III-A)."""

from __future__ import annotations

from torch import Tensor, nn


class GlobalFeature(nn.Module):
    """v(g): the mean of the last stage over space, mapped to d.

    The other features of section III-A, v(l) and v(h), are made where they are used: in
    MVSA. The paper speaks of five maps; its public code takes four stages, as here.
    """

    def __init__(self, channels: int, dimension: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.to_global = nn.Linear(channels, dimension)

    def forward(self, pooled: Tensor) -> Tensor:
        """Map ``(B, C)`` to ``(B, d)``."""
        overall: Tensor = self.to_global(self.drop(pooled))
        return overall

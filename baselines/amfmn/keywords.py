"""Keyword branch: encodes the keywords of an image or a sentence as k(g) (equation 13)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rsitmd_tools.baselines.text import SentenceEncoder


class KeywordEncoder(nn.Module):
    """Encodes each keyword with the GRU, averages the results and applies an MLP.

    The word embedding and the GRU are shared with the sentence branch. A text without keywords
    is the zero vector, and the fusion then uses only the sentence.
    """

    def __init__(self, sentence: SentenceEncoder, dimension: int) -> None:
        super().__init__()
        # In a list, so that the encoder is not registered as a submodule a second time.
        self._sentence = [sentence]
        self.dimension = dimension
        self.mlp = nn.Sequential(
            nn.Linear(dimension, dimension), nn.ReLU(), nn.Linear(dimension, dimension)
        )

    def forward(self, keywords: Tensor, lengths: Tensor) -> Tensor:
        """Map ``(B, K, W)`` words and ``(B, K)`` lengths (0: no keyword) to ``(B, d)``."""
        present = lengths > 0
        if not present.any():
            return torch.zeros(
                (len(lengths), self.dimension), device=lengths.device, dtype=self._dtype()
            )
        phrases = self._sentence[0](keywords[present], lengths[present])
        owner = present.nonzero()[:, 0]
        total = phrases.new_zeros((len(lengths), phrases.shape[1])).index_add(0, owner, phrases)
        count = present.sum(1, keepdim=True)
        encoded: Tensor = self.mlp(total / count.clamp_min(1))
        return torch.where(count > 0, encoded, torch.zeros_like(encoded))

    def _dtype(self) -> torch.dtype:
        return next(self.mlp.parameters()).dtype

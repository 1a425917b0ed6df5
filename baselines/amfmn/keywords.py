"""Keyword branch: from the keywords of an image or a sentence to k(g) (equation 13)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rsitmd_tools.baselines.text import SentenceEncoder


class KeywordEncoder(nn.Module):
    """Each keyword through the sentence's GRU, the mean over them, and an MLP.

    The embedding of words and the GRU are those of the sentence branch, shared. A text
    without keywords gets the zero vector: the fusion then rests on the sentence alone.
    """

    def __init__(self, sentence: SentenceEncoder, dimension: int) -> None:
        super().__init__()
        # In a list: the branch owns no part of the encoder, it only calls it.
        self._sentence = [sentence]
        self.dimension = dimension
        self.mlp = nn.Sequential(
            nn.Linear(dimension, dimension), nn.ReLU(), nn.Linear(dimension, dimension)
        )

    def forward(self, keywords: Tensor, lengths: Tensor) -> Tensor:
        """Map ``(B, K, W)`` words and ``(B, K)`` lengths, 0 for none, to ``(B, d)``."""
        there = lengths > 0
        if not there.any():
            return torch.zeros(
                (len(lengths), self.dimension), device=lengths.device, dtype=self._dtype()
            )
        phrases = self._sentence[0](keywords[there], lengths[there])
        owner = there.nonzero()[:, 0]
        total = phrases.new_zeros((len(lengths), phrases.shape[1])).index_add(0, owner, phrases)
        count = there.sum(1, keepdim=True)
        encoded: Tensor = self.mlp(total / count.clamp_min(1))
        return torch.where(count > 0, encoded, torch.zeros_like(encoded))

    def _dtype(self) -> torch.dtype:
        return next(self.mlp.parameters()).dtype

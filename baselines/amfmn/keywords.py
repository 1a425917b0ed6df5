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
        count = present.sum(1, keepdim=True)
        total = self._of_all if keywords.is_cuda else self._of_present
        encoded: Tensor = self.mlp(total(keywords, lengths, present) / count.clamp_min(1))
        return torch.where(count > 0, encoded, torch.zeros_like(encoded))

    def _of_present(self, keywords: Tensor, lengths: Tensor, present: Tensor) -> Tensor:
        """Return the sum over the keywords of each text, ``(B, d)``; encode only those."""
        size = len(lengths), self.dimension
        if not present.any():
            return torch.zeros(size, device=lengths.device, dtype=self._dtype())
        phrases = self._sentence[0](keywords[present], lengths[present])
        total: Tensor = phrases.new_zeros(size).index_add(0, present.nonzero()[:, 0], phrases)
        return total

    def _of_all(self, keywords: Tensor, lengths: Tensor, present: Tensor) -> Tensor:
        """Return the same without waiting for a GPU to count: encode padding, then ignore it."""
        phrases = self._sentence[0](keywords.flatten(0, 1), lengths.flatten().clamp_min(1))
        phrases = phrases.view(*lengths.shape, -1)
        return torch.where(present[..., None], phrases, torch.zeros_like(phrases)).sum(1)

    def _dtype(self) -> torch.dtype:
        return next(self.mlp.parameters()).dtype

"""Fusion of sentence and keywords: VGMF or one learned weight (equations 26, 27)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rsitmd_tools.baselines.base import EPSILON


class VGMF(nn.Module):
    """F_t = s * w + k * (1 - w) with w = sigmoid(W [s; k]), s and k L2-normalised.

    w has d elements; the paper does not say whether it is a scalar. For texts without
    keywords, w is 1.
    """

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.of_sentence = nn.Linear(dimension, dimension)
        self.of_keywords = nn.Linear(dimension, dimension, bias=False)

    def forward(self, sentence: Tensor, keywords: Tensor, known: Tensor) -> Tensor:
        """Fuse ``(..., d)`` vectors; ``known`` ``(..., 1)`` is false for texts without keywords."""
        one = normalize(sentence, dim=-1, eps=EPSILON)
        other = normalize(keywords, dim=-1, eps=EPSILON)
        weight = torch.sigmoid(self.of_sentence(one) + self.of_keywords(other))
        return _mix(one, other, weight, known)


class WeightedSum(nn.Module):
    """F_t = a s + (1 - a) k with one learned number a for all pairs (rows m5 and m8).

    s and k are L2-normalised, as in VGMF. The paper does not say how it chose its weight.
    """

    def __init__(self, _: int) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.zeros(()))

    def forward(self, sentence: Tensor, keywords: Tensor, known: Tensor) -> Tensor:
        """Fuse ``(..., d)`` vectors; ``known`` ``(..., 1)`` is false for texts without keywords."""
        one = normalize(sentence, dim=-1, eps=EPSILON)
        other = normalize(keywords, dim=-1, eps=EPSILON)
        return _mix(one, other, torch.sigmoid(self.logit), known)


def _mix(sentence: Tensor, keywords: Tensor, weight: Tensor, known: Tensor) -> Tensor:
    weight = torch.where(known, weight, torch.ones_like(weight))
    return sentence * weight + keywords * (1 - weight)


FUSIONS: dict[str, type[nn.Module]] = {"vgmf": VGMF, "weighted": WeightedSum}

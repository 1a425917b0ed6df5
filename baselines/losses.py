"""Triplet losses with fixed and dynamic margins (equations 28 to 30)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LINEAR_BELOW = 1e-6


def dynamic_margin(prior: Tensor, gamma: float, beta: float) -> Tensor:
    """Margin of each pair from its prior similarity (equation 30).

    a = gamma (e^beta - e^(beta S)) / (e^beta - 1): gamma for S = 0, zero for S = 1. beta may
    be negative; towards zero the margin becomes gamma (1 - S). NaN counts as S = 0.

    Args:
        prior: ``(N, M)`` similarities in [0, 1].
        gamma: The largest margin.
        beta: How it bends.
    """
    similarity = torch.nan_to_num(prior, nan=0.0)
    if abs(beta) < LINEAR_BELOW:
        return gamma * (1 - similarity)
    rise = math.expm1(beta)
    return gamma * (rise - torch.expm1(beta * similarity)) / rise


def triplet_loss(scores: Tensor, margin: Tensor | float, negatives: str = "sum") -> Tensor:
    """Bidirectional triplet loss of a batch (equations 28, 29).

    Args:
        scores: ``(B, B)``, images in rows, texts in columns, matching pairs on the diagonal.
        margin: One number, or ``(B, B)`` of the negative pairs.
        negatives: ``sum`` over all negatives, or the ``hardest`` of each query.
    """
    positive = scores.diagonal()
    others = ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    of_image = torch.relu(margin + scores - positive[:, None]) * others
    of_text = torch.relu(margin + scores - positive[None, :]) * others
    if negatives == "hardest":
        return of_image.max(1).values.sum() + of_text.max(0).values.sum()
    return of_image.sum() + of_text.sum()

"""Losses of a batch: triplet with fixed or dynamic margin (equations 28 to 30), InfoNCE, BCE."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, softplus

# Below this beta, the margin is computed by its limit, which is linear.
LINEAR_BELOW = 1e-6
# Logit of an ignored pair: zero after softmax, and finite in half precision.
IGNORED_LOGIT = -1e4


def dynamic_margin(prior: Tensor, gamma: float, beta: float) -> Tensor:
    """Return the margin of each pair from its prior similarity (equation 30).

    a = gamma (e^beta - e^(beta S)) / (e^beta - 1): gamma for S = 0, zero for S = 1. beta may
    be negative; as beta approaches 0, the margin approaches gamma (1 - S). NaN is S = 0.

    Args:
        prior: ``(N, M)`` similarities in [0, 1].
        gamma: The largest margin.
        beta: Curvature of the margin as a function of S.

    Returns:
        ``(N, M)`` margins.
    """
    similarity = torch.nan_to_num(prior, nan=0.0)
    if abs(beta) < LINEAR_BELOW:
        return gamma * (1 - similarity)
    if beta > 0:
        # Both terms are divided by e^beta, so that a large beta does not overflow.
        return gamma * torch.expm1(beta * (similarity - 1)) / math.expm1(-beta)
    rise = math.expm1(beta)
    return gamma * (rise - torch.expm1(beta * similarity)) / rise


def triplet_loss(
    scores: Tensor,
    margin: Tensor | float,
    negatives: str = "sum",
    is_negative: Tensor | None = None,
) -> Tensor:
    """Return the bidirectional triplet loss of a batch (equations 28, 29).

    Args:
        scores: ``(B, B)``, images in rows, texts in columns, matching pairs on the diagonal.
        margin: One number, or ``(B, B)`` margins of the negative pairs.
        negatives: ``sum`` over all negatives, or only the ``hardest`` of each query.
        is_negative: ``(B, B)`` bool; None for all pairs except the diagonal.
    """
    positive = scores.diagonal()
    others = _negative_mask(scores, is_negative)
    of_image = torch.relu(margin + scores - positive[:, None]) * others
    of_text = torch.relu(margin + scores - positive[None, :]) * others
    if negatives == "hardest":
        return of_image.max(1).values.sum() + of_text.max(0).values.sum()
    return of_image.sum() + of_text.sum()


def info_nce(scores: Tensor, temperature: float, is_negative: Tensor | None = None) -> Tensor:
    """Return the symmetric InfoNCE loss of a batch, summed over pairs like the triplet loss.

    van den Oord et al., "Representation Learning with Contrastive Predictive Coding", 2018;
    the symmetric form is that of CLIP (Radford et al., 2021).

    Args:
        scores: ``(B, B)`` cosines, matching pairs on the diagonal.
        temperature: Divisor of the scores.
        is_negative: ``(B, B)`` bool; None for all pairs except the diagonal.
    """
    own = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    kept = _negative_mask(scores, is_negative) | own
    logits = torch.where(kept, scores / temperature, torch.full_like(scores, IGNORED_LOGIT))
    target = torch.arange(len(scores), device=scores.device)
    to_text = cross_entropy(logits, target, reduction="sum")
    to_image = cross_entropy(logits.T, target, reduction="sum")
    return (to_text + to_image) / 2


def bce_loss(
    scores: Tensor, negatives: str = "hardest", is_negative: Tensor | None = None
) -> Tensor:
    """Return the binary cross-entropy of matching and other pairs, summed like the triplet loss.

    Wang et al., "CAMP", ICCV 2019: log m(I, T) + max log(1 - m(I, T')), and the same for images.
    With the maximum as printed, the loss would take the easiest negative, and minimising it
    would teach the opposite; here it is -log m(I, T) - min log(1 - m(I, T')), with the hardest.

    Args:
        scores: ``(B, B)`` log-odds of m, matching pairs on the diagonal.
        negatives: ``sum`` over all negatives, or only the ``hardest`` of each query.
        is_negative: ``(B, B)`` bool; None for all pairs except the diagonal.
    """
    # -log(1 - sigmoid(x)) = softplus(x), and -log(sigmoid(x)) = softplus(-x).
    others = softplus(scores) * _negative_mask(scores, is_negative)
    matching = 2 * softplus(-scores.diagonal()).sum()
    if negatives == "hardest":
        return matching + others.max(1).values.sum() + others.max(0).values.sum()
    return matching + 2 * others.sum()


def _negative_mask(scores: Tensor, is_negative: Tensor | None) -> Tensor:
    others = ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    return others if is_negative is None else others & is_negative

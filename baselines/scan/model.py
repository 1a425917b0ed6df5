"""SCAN: stacked cross attention between the regions of an image and the words of a text."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from rsitmd_tools.baselines.base import EPSILON, in_tiles
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.words import PAIR_ELEMENTS, RegionWordModel


class SCAN(RegionWordModel):
    """SCAN, image-text (``i2t``) or text-image (``t2i``).

    Lee et al., "Stacked Cross Attention for Image-Text Matching", ECCV 2018. Regions are v_i,
    words e_j, and s_ij is their cosine (equation 1). ``i2t`` attends to words for each region
    (equations 1 to 6), ``t2i`` to regions for each word (equations 7 to 10). The loss is the
    triplet loss with the hardest negative of the batch (equations 11 and 12).

    What the paper leaves open, or its public code does otherwise:

    - Negative cosines become 0, as in equation 1; the code multiplies them by 0.1.
    - v_i and e_j are not normalised before they are summed, as in equations 2 and 7; the code
      normalises them.
    - The table of the AMFMN paper does not say how it pooled. The shipped configurations use
      LogSumExp with the lambdas of Flickr30K; ``scan.pooling=avg`` is the mean.
    - LogSumExp grows with the number of words (``t2i``): long sentences score higher.
    """

    def __init__(self, config: Config, words: int) -> None:
        super().__init__(config, words)
        self.settings = config.scan

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Return S(I, T) of all pairs (equations 5, 6, 9, 10)."""
        # The norm of an attended vector needs more digits than half precision has.
        with torch.autocast(images.device.type, enabled=False):
            regions = self.regions(images.float())
            words, known = self.words(texts.float())
            return in_tiles(
                lambda rows, columns: self._score(regions[rows], words[columns], known[columns]),
                images,
                len(texts),
                3 * regions.shape[1] * words.shape[1],
                PAIR_ELEMENTS,
            )

    def _score(self, regions: Tensor, words: Tensor, known: Tensor) -> Tensor:
        every = known.new_ones(regions.shape[:2])
        lambda1, lambda2 = self.settings.lambda1, self.settings.lambda2
        if self.settings.direction == "i2t":
            relevance = attended_cosines(words, known, regions, every, lambda1)
            return pooled(relevance, every, self.settings.pooling, lambda2).T
        relevance = attended_cosines(regions, every, words, known, lambda1)
        return pooled(relevance, known, self.settings.pooling, lambda2)


def attended_cosines(
    sources: Tensor, known: Tensor, queries: Tensor, asked: Tensor, lambda1: float
) -> Tensor:
    """Return the cosine of each query and the sources it attends to (equations 1 to 4, 7, 8).

    The attended vector a = sum_i w_i x_i of a pair is never computed: its product with the query
    is the weighted sum of products that are known, and its squared length is w' G w, where G are
    the products of the sources with each other.

    Args:
        sources: ``(A, S, d)``, the x_i: regions for ``t2i``, words for ``i2t``.
        known: ``(A, S)`` bool, false for padding.
        queries: ``(B, Q, d)``.
        asked: ``(B, Q)`` bool, false for padding.
        lambda1: Inverse temperature of the attention.

    Returns:
        ``(A, B, Q)`` R(query, a); 0 for padding.
    """
    shape = (len(sources), -1, *queries.shape[:2])
    flat = queries.flatten(0, 1)
    products = sources @ flat.T  # (A, S, B * Q)
    lengths = flat.norm(dim=-1)
    scale = (sources.norm(dim=-1)[:, :, None] * lengths).clamp_min(EPSILON)
    positive = torch.relu(products / scale) * asked.flatten()
    # The similarities of a source have length 1 over the queries of a pair, padding left out.
    normal = normalize(positive.view(shape), dim=-1, eps=EPSILON).flatten(2)
    logits = (lambda1 * normal).masked_fill(~known[:, :, None], -torch.inf)
    weights = logits.softmax(1)
    along = (weights * products).sum(1)
    gram = sources @ sources.transpose(1, 2)
    squared = (weights * (gram @ weights)).sum(1)
    cosines = along / (lengths * squared.clamp_min(EPSILON**2).sqrt()).clamp_min(EPSILON)
    masked: Tensor = cosines.view(len(sources), *asked.shape) * asked
    return masked


def pooled(relevance: Tensor, asked: Tensor, pooling: str, lambda2: float) -> Tensor:
    """Pool the relevance of all queries of a pair by LogSumExp or the mean (equations 5, 6, 9, 10).

    Args:
        relevance: ``(A, B, Q)``.
        asked: ``(B, Q)`` bool, false for padding.
        pooling: ``lse`` or ``avg``.
        lambda2: Sharpness of LogSumExp.

    Returns:
        ``(A, B)``.
    """
    if pooling == "avg":
        return relevance.sum(-1) / asked.sum(-1)
    return (lambda2 * relevance).masked_fill(~asked, -torch.inf).logsumexp(-1) / lambda2

"""MTFN: a core tensor of low rank fuses image and sentence to their similarity."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rsitmd_tools.baselines.backbone import make_backbone
from rsitmd_tools.baselines.base import Texts
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.pooled import PooledModel
from rsitmd_tools.baselines.text import SentenceEncoder


class MTFN(PooledModel):
    """The image-text branch of MTFN.

    Wang et al., "Matching Images and Text with Multi-modal Tensor Fusion and Re-ranking", ACM
    Multimedia 2019. The equations, in the order of the paper:

    1. v = tanh(W_v I) and t = tanh(W_t T), from the pooled image and the sentence
    2. fusion by a Tucker decomposition whose core tensor has slices of rank R:
       z = sum_r (M_r v + m_r) * (N_r t + n_r), elementwise
    3. S_IT(I, T) = sigmoid(w' z + b)
    4. the triplet loss with the hardest negative of the batch

    z is linear in each of its arguments, so w' z = v' u + c, where u and c depend on the text
    only. An encoded image is v, ``(N, d)``; an encoded text is u and c, ``(M, d + 1)``, and the
    scores of all pairs are one matrix product.

    With ``loss: bce``, the score is the log-odds w' z + b.

    What is left out, or what the paper leaves open:

    - The re-ranking (RR) is not included: it orders the results of a whole gallery, so the score
      of a pair would depend on other queries. The text-text branch, whose scores only the
      re-ranking reads, is not included either.
    - The image is the mean of all regions, here the spatial mean of the backbone's last map.
    - The public code encodes sentences with skip-thoughts vectors, which are not to be had here;
      this is the bidirectional GRU of all baselines.
    - The dropout before equation 1 is ``dropout``: 0.25 in the public code.
    """

    image_parts = ("backbone", "of_image")

    def __init__(self, config: Config, words: int) -> None:
        super().__init__()
        d = config.dimension
        self.log_odds = config.loss == "bce"
        self.backbone = make_backbone(config.backbone, config.weights, config.image_size)
        # The encoder drops out word embeddings; the sentence itself is dropped out here.
        self.sentence = SentenceEncoder(words, config.word_dimension, d)
        self.drop = nn.Dropout(config.dropout)
        self.of_image = nn.Linear(self.backbone.channels[-1], d)
        self.of_text = nn.Linear(d, d)
        self.fusion = TensorFusion(d, config.mtfn.rank)

    def encode_features(self, features: Sequence[Tensor]) -> Tensor:
        """Return v, ``(B, d)`` (equation 1)."""
        (pooled,) = features
        return torch.tanh(self.of_image(self.drop(pooled)))

    def encode_texts(self, texts: Texts) -> Tensor:
        """Return u and c, ``(B, d + 1)`` (equations 1 and 2)."""
        sentence = self.drop(self.sentence(texts.words, texts.lengths))
        folded: Tensor = self.fusion(torch.tanh(self.of_text(sentence)))
        return folded

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Return S_IT of all pairs (equation 3), or its log-odds."""
        scores = torch.addmm(texts[:, -1], images, texts[:, :-1].T)
        return scores if self.log_odds else torch.sigmoid(scores.float())


class TensorFusion(nn.Module):
    """w' z + b with z = sum_r (M_r v + m_r) * (N_r t + n_r), folded for a text (equations 2, 3).

    w' z = v' u + c with u = sum_r M_r' (w * (N_r t + n_r)) and c = sum_r m_r' (w * (N_r t + n_r)).

    Args:
        dimension: Elements d of v, of t and of z.
        rank: R.
    """

    def __init__(self, dimension: int, rank: int) -> None:
        super().__init__()
        # All R maps of one side, as one map to R * d elements.
        self.of_image = nn.Linear(dimension, rank * dimension)
        self.of_text = nn.Linear(dimension, rank * dimension)
        self.classify = nn.Linear(dimension, 1)
        self.rank = rank

    def forward(self, texts: Tensor) -> Tensor:
        """Map t ``(B, d)`` to u, and c + b as the last column, ``(B, d + 1)``."""
        weights = self.classify.weight[0].repeat(self.rank)
        weighted = self.of_text(texts) * weights
        constant = weighted @ self.of_image.bias[:, None] + self.classify.bias
        return torch.cat([weighted @ self.of_image.weight, constant], 1)

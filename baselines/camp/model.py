"""CAMP: messages between regions and words, fused under gates, scored by a classifier."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from rsitmd_tools.baselines.base import in_tiles
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.words import PAIR_ELEMENTS, RegionWordModel

# Elements of the fused regions and words of a block of pairs during training (256 MB in float32).
# The intermediate tensors of a block are computed again for its gradient and never all kept.
TRAINING_ELEMENTS = 2**26
INITIALISED = ("region_key", "word_key", "fuse", "classify")


class CAMP(RegionWordModel):
    """CAMP, trained with a triplet loss or with binary cross-entropy.

    Wang et al., "CAMP: Cross-Modal Adaptive Message Passing for Text-Image Retrieval", ICCV
    2019. Regions are the columns of V, words those of T. The equations, in the order of the
    paper:

    1. A = (W_v V)' (W_t T), the affinity of each region and word
    2. message to the words: V~ = softmax(A' / sqrt(d)) V'
    3. message to the regions: T~ = softmax(A / sqrt(d)) T'
    4. gates: G_v = sigmoid(V * T~), H_t = sigmoid(V~ * T), elementwise (:class:`GatedFusion`)
    5. fusion: V^ = F_v(G_v * (V + T~)) + V, T^ = F_t(H_t * (T + V~)) + T
    6. aggregation: v* = V^ softmax(w_v V^ / sqrt(d)), t* likewise (:class:`Aggregation`)
    7. m(I, T) = sigmoid(MLP(v* + t*)), an MLP of two layers
    8. the loss of the hardest negatives (:func:`rsitmd_tools.baselines.losses.bce_loss`)

    The score is m with ``loss: triplet``, and its log-odds with ``loss: bce``, which ranks
    equally and has no ties where the sigmoid is 1.

    What the paper leaves open, or its public code does otherwise:

    - In equation 5, the circled plus joins V and T~ before the product with gates of d elements,
      so it is a sum here. The code can also concatenate.
    - The gates have d elements, as in equation 4; the code has one number for each region or word.
    - F is a linear map and a ReLU.
    - The code trains in stages (attention first, gates later); here all is trained at once.
    - The paper has no triplet loss of the fused score. The AMFMN paper reports "CAMP-triplet"
      without saying how it scored; here m takes the place of the cosine, and all negatives
      count: with the hardest alone, m soon is 1 for all pairs.
    """

    def __init__(self, config: Config, words: int) -> None:
        super().__init__(config, words)
        d = config.dimension
        self.log_odds = config.loss == "bce"
        self.region_key = nn.Linear(d, d, bias=False)
        self.word_key = nn.Linear(d, d, bias=False)
        self.fuse_regions, self.fuse_words = GatedFusion(d), GatedFusion(d)
        self.join_regions, self.join_words = Aggregation(d), Aggregation(d)
        self.classify = nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Linear(d, 1))
        for name, module in self.named_modules():
            # As in the public code: torch's default is a third of its variance.
            if isinstance(module, nn.Linear) and name.startswith(INITIALISED):
                nn.init.xavier_uniform_(module.weight)

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Return m(I, T) or its log-odds for all pairs."""
        regions = self.regions(images)
        words, known = self.words(texts)
        region_keys, word_keys = self.region_key(regions), self.word_key(words)
        elements = (regions.shape[1] + words.shape[1]) * self.dimension

        def score(rows: slice, columns: slice) -> Tensor:
            return self._score(
                regions[rows], region_keys[rows], words[columns], word_keys[columns], known[columns]
            )

        if not torch.is_grad_enabled():
            return in_tiles(score, images, len(texts), elements, PAIR_ELEMENTS)
        step = max(1, TRAINING_ELEMENTS // max(1, elements * len(texts)))
        blocks = [slice(first, first + step) for first in range(0, len(images), step)]
        if len(blocks) == 1:
            return score(slice(None), slice(None))
        # There is no dropout inside, so no random state is kept, which would wait for the device.
        return torch.cat(
            [
                checkpoint(score, rows, slice(None), use_reentrant=False, preserve_rng_state=False)
                for rows in blocks
            ]
        )

    def _score(
        self, regions: Tensor, region_keys: Tensor, words: Tensor, word_keys: Tensor, known: Tensor
    ) -> Tensor:
        """Score ``(n, k, d)`` regions and ``(m, L, d)`` words: ``(n, m)``."""
        affinity = torch.einsum("nkd,mld->nmkl", region_keys, word_keys) / math.sqrt(self.dimension)
        to_words = torch.einsum("nmkl,nkd->nmld", affinity.softmax(2), regions)
        of_words = affinity.masked_fill(~known[None, :, None], -torch.inf).softmax(3)
        to_regions = torch.einsum("nmkl,mld->nmkd", of_words, words)
        fused_regions = self.fuse_regions(regions[:, None], to_regions)
        fused_words = self.fuse_words(words[None], to_words)
        joined = self.join_regions(fused_regions) + self.join_words(fused_words, known)
        logits: Tensor = self.classify(joined)[..., 0]
        return logits if self.log_odds else torch.sigmoid(logits.float())


class GatedFusion(nn.Module):
    """X^ = F(sigmoid(X * M) * (X + M)) + X, X own features and M the message (equations 4, 5)."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.transform = nn.Linear(dimension, dimension)

    def forward(self, own: Tensor, message: Tensor) -> Tensor:
        """Fuse ``(..., d)`` features with messages of a shape that broadcasts."""
        gate = torch.sigmoid(own * message)
        return torch.relu(self.transform(gate * (own + message))) + own


class Aggregation(nn.Module):
    """x* = X softmax(w X / sqrt(d)): one vector of a set (equation 6)."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.weigh = nn.Linear(dimension, 1, bias=False)
        self.scale = math.sqrt(dimension)

    def forward(self, features: Tensor, known: Tensor | None = None) -> Tensor:
        """Map ``(n, m, s, d)`` to ``(n, m, d)``; ``known`` ``(m, s)`` is false for padding."""
        logits = self.weigh(features)[..., 0] / self.scale
        if known is not None:
            logits = logits.masked_fill(~known, -torch.inf)
        return torch.einsum("nms,nmsd->nmd", logits.softmax(-1), features)

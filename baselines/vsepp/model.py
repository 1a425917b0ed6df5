"""VSE++: one vector a side in a joint space, cosine between them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from rsitmd_tools.baselines.backbone import Backbone
from rsitmd_tools.baselines.base import RetrievalModel, Texts, cosine_matrix
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.text import SentenceEncoder


class VSEPP(RetrievalModel):
    """VSE++: a linear map of the pooled last stage against a GRU over words.

    Faghri et al., "VSE++: Improving Visual-Semantic Embeddings with Hard Negatives", BMVC
    2018. The GRU is AMFMN's bidirectional one, so that both baselines read alike.
    """

    def __init__(self, config: Config, words: int) -> None:
        super().__init__()
        self.backbone = Backbone(config.backbone, config.weights, config.image_size)
        self.drop = nn.Dropout(config.dropout)
        self.project = nn.Linear(self.backbone.channels[-1], config.dimension)
        self.sentence = SentenceEncoder(
            words, config.word_dimension, config.dimension, config.dropout
        )

    def frozen_part(self) -> nn.Module:
        """The backbone."""
        return self.backbone

    def features_kind(self) -> str:
        """The last stage of the backbone, pooled."""
        return f"pooled {self.backbone.name}"

    def features(self, images: Tensor) -> list[Tensor]:
        """Pool the last stage over space: ``(B, C)``."""
        return [self.backbone(images)[-1].mean((2, 3))]

    def encode_features(self, features: Sequence[Tensor]) -> Tensor:
        """Project the pooled stage."""
        (pooled,) = features
        projected: Tensor = self.project(self.drop(pooled))
        return projected

    def encode_texts(self, texts: Texts) -> Tensor:
        """Encode sentences."""
        encoded: Tensor = self.sentence(texts.words, texts.lengths)
        return encoded

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Cosine of all pairs."""
        return cosine_matrix(images, texts)

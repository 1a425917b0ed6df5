"""VSE++: one vector a side in a joint space, cosine between them."""

from __future__ import annotations

from torch import Tensor, nn

from rsitmd_tools.baselines.backbone import Backbone
from rsitmd_tools.baselines.base import RetrievalModel, cosine_matrix
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.text import SentenceEncoder


class VSEPP(RetrievalModel):
    """VSE++: a linear map of the pooled last stage against a GRU over words.

    Faghri et al., "VSE++: Improving Visual-Semantic Embeddings with Hard Negatives", BMVC
    2018. The GRU is AMFMN's bidirectional one, so that both baselines read alike.
    """

    def __init__(self, config: Config, words: int) -> None:
        super().__init__()
        self.backbone = Backbone(config.backbone, config.weights)
        self.project = nn.Linear(self.backbone.channels[-1], config.dimension)
        self.sentence = SentenceEncoder(words, config.word_dimension, config.dimension)

    def encode_images(self, images: Tensor) -> Tensor:
        """Pool the last stage over space and project it."""
        projected: Tensor = self.project(self.backbone(images)[-1].mean((2, 3)))
        return projected

    def encode_texts(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Encode sentences."""
        encoded: Tensor = self.sentence(words, lengths)
        return encoded

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Cosine of all pairs."""
        return cosine_matrix(images, texts)

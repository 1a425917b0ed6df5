"""VSE++: images and sentences as vectors in a joint space, compared by cosine."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from rsitmd_tools.baselines.backbone import make_backbone
from rsitmd_tools.baselines.base import Scorer, Texts, cosine_matrix, cosine_scorer
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.pooled import PooledModel
from rsitmd_tools.baselines.sentence_vectors import VectorHead
from rsitmd_tools.baselines.text import SentenceEncoder


class VSEPP(PooledModel):
    """VSE++: a linear map of the pooled last stage, and a GRU over the words.

    Faghri et al., "VSE++: Improving Visual-Semantic Embeddings with Hard Negatives", BMVC
    2018. It uses the bidirectional GRU of AMFMN, so that both baselines encode text equally.
    """

    image_parts = ("backbone", "project")

    def __init__(self, config: Config, words: int, vectors: int = 0) -> None:
        super().__init__()
        self.backbone = make_backbone(config.backbone, config.weights, config.image_size)
        self.drop = nn.Dropout(config.dropout)
        self.project = nn.Linear(self.backbone.channels[-1], config.dimension)
        self.sentence = SentenceEncoder(
            words, config.word_dimension, config.dimension, config.dropout
        )
        self.vectors = VectorHead(vectors, config.dimension, config.dropout) if vectors else None

    def encode_features(self, features: Sequence[Tensor]) -> Tensor:
        """Project the pooled last stage to the joint space."""
        (pooled,) = features
        projected: Tensor = self.project(self.drop(pooled))
        return projected

    def encode_texts(self, texts: Texts) -> Tensor:
        """Encode sentences."""
        encoded: Tensor = self.sentence(texts.words, texts.lengths)
        return encoded if self.vectors is None else encoded + self.vectors(texts.vectors)

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Return the cosine of all pairs."""
        return cosine_matrix(images, texts)

    def scorer(self, images: Tensor) -> Scorer:
        """Return the cosine as a function of the texts; images are normalised once."""
        return cosine_scorer(images)

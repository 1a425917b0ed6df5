"""The model ``mean-colour``: an image is its mean colour."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from rsitmd_tools.baselines.base import RetrievalModel, Texts, cosine_matrix
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.text import SentenceEncoder


class MeanColour(RetrievalModel):
    """A linear map of the mean colour against a GRU over words."""

    def __init__(self, config: Config, words: int) -> None:
        super().__init__()
        self.project = nn.Linear(3, config.dimension)
        self.sentence = SentenceEncoder(
            words, config.word_dimension, config.dimension, config.dropout
        )

    def frozen_part(self) -> nn.Module:
        """Return an empty module: there is no backbone."""
        return nn.Identity()

    def features_kind(self) -> str:
        """Return the name of the features."""
        return "mean colour"

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the mean colours, ``(B, 3)``."""
        return [images.mean((2, 3))]

    def encode_features(self, features: Sequence[Tensor]) -> Tensor:
        """Map the mean colours to ``(B, d)``."""
        projected: Tensor = self.project(features[0])
        return projected

    def encode_texts(self, texts: Texts) -> Tensor:
        """Encode sentences to ``(B, d)``."""
        encoded: Tensor = self.sentence(texts.words, texts.lengths)
        return encoded

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Return the cosine of all pairs, ``(N, M)``."""
        return cosine_matrix(images, texts)

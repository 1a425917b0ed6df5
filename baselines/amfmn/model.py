"""AMFMN: multiscale features, MVSA, sentence, visual-guided attention."""

from __future__ import annotations

from torch import Tensor

from rsitmd_tools.baselines.amfmn.attention import make_attention
from rsitmd_tools.baselines.amfmn.mvsa import MVSA
from rsitmd_tools.baselines.amfmn.visual import MultiscaleFeatures
from rsitmd_tools.baselines.backbone import Backbone
from rsitmd_tools.baselines.base import RetrievalModel
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.text import SentenceEncoder


class AMFMN(RetrievalModel):
    """AMFMN with the sentence as its text (row m6 of table VI).

    Yuan et al., "Exploring a Fine-Grained Multiscale Method for Cross-Modal Remote
    Sensing Image Retrieval", IEEE TGRS 60, 2021.
    """

    def __init__(self, config: Config, words: int) -> None:
        super().__init__()
        backbone = Backbone(config.backbone, config.weights)
        self.features = MultiscaleFeatures(backbone, config.dimension)
        self.mvsa = MVSA(self.features.low_channels, self.features.high_channels, config.dimension)
        self.sentence = SentenceEncoder(words, config.word_dimension, config.dimension)
        self.attention = make_attention(config.attention, config.dimension)

    @property
    def backbone(self) -> Backbone:
        """The backbone, for freezing."""
        return self.features.backbone

    def encode_images(self, images: Tensor) -> Tensor:
        """Return F_v."""
        salient: Tensor = self.mvsa(*self.features(images))
        return salient

    def encode_texts(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Return s(g)."""
        encoded: Tensor = self.sentence(words, lengths)
        return encoded

    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Cosine of F_v with the text that this image guides."""
        scores: Tensor = self.attention(images, texts)
        return scores

"""Words and regions: texts and images as sets of vectors, one row of a tensor each (SCAN, CAMP)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from rsitmd_tools.baselines.backbone import make_backbone
from rsitmd_tools.baselines.base import RetrievalModel, Texts
from rsitmd_tools.baselines.config import Config
from rsitmd_tools.baselines.text import SentenceEncoder, Vocabulary

# Words of a text that a row has room for. The longest sentence of RSITMD has 40 words, that of
# UCM 23. A row of d = 1024 takes 192 KB.
WORDS = 48

# Elements of a tile of pairs on a CPU (16 MB in float32): a tile is matrix products, which are
# faster if they are larger, unlike one vector for each pair.
PAIR_ELEMENTS = 2**22


class ShortVocabulary(Vocabulary):
    """The vocabulary of a model whose texts have at most ``WORDS`` words."""

    __slots__ = ()

    max_words: ClassVar[int] = WORDS


class RegionWordModel(RetrievalModel):
    """A model that compares the regions of an image with the words of a text.

    The regions v_i are the cells of the backbone's last map, row by row, each mapped to d
    dimensions. (The papers take 36 regions of a detector, for which remote sensing has no
    weights.) With ResNet-18 at 256 pixels, there are 64. The words e_j are the states of a
    bidirectional GRU, each the mean of both directions.

    An encoded image is its regions, ``(N, k * d)``. An encoded text is its words, padded to
    ``WORDS``, and their number, ``(M, WORDS * d + 1)``.
    """

    image_parts = ("backbone", "project")
    short_texts = True

    def __init__(self, config: Config, words: int) -> None:
        super().__init__()
        self.dimension = config.dimension
        self.backbone = make_backbone(config.backbone, config.weights, config.image_size)
        self.drop = nn.Dropout(config.dropout)
        self.project = nn.Linear(self.backbone.channels[-1], config.dimension)
        self.sentence = SentenceEncoder(
            words, config.word_dimension, config.dimension, config.dropout
        )

    def frozen_part(self) -> nn.Module:
        """Return the backbone."""
        return self.backbone

    def features_kind(self) -> str:
        """Name the map of the backbone's last stage."""
        return f"last map {self.backbone.name}"

    def features(self, images: Tensor) -> list[Tensor]:
        """Return the map of the last stage, ``(B, C, H, W)``."""
        return [self.backbone(images)[-1]]

    def encode_features(self, features: Sequence[Tensor]) -> Tensor:
        """Return the regions v_i = W f_i + b, ``(B, H * W * d)``."""
        (cells,) = features
        regions: Tensor = self.project(self.drop(cells.flatten(2).transpose(1, 2)))
        return regions.flatten(1)

    def encode_texts(self, texts: Texts) -> Tensor:
        """Return the words e_j and their number, ``(B, WORDS * d + 1)``."""
        lengths = texts.lengths.clamp(max=WORDS)
        states = self.sentence.states(texts.words[:, :WORDS], lengths)
        padded = pad(states, (0, 0, 0, WORDS - states.shape[1]))
        # Numbers up to 256 are exact in half precision, too.
        return torch.cat([padded.flatten(1), lengths[:, None].to(padded)], 1)

    def regions(self, images: Tensor) -> Tensor:
        """Return the regions of encoded images: ``(N, k * d)`` to ``(N, k, d)``."""
        return images.reshape(len(images), -1, self.dimension)

    def words(self, texts: Tensor) -> tuple[Tensor, Tensor]:
        """Return the words of encoded texts, and which of them are no padding.

        On a CPU, padding that no text needs is cut off. On other devices the shape does not
        depend on the texts, so that nothing waits for the device.

        Args:
            texts: ``(M, WORDS * d + 1)``.

        Returns:
            ``(M, L, d)`` and ``(M, L)`` bool; L is ``WORDS`` or less.
        """
        lengths = texts[:, -1]
        longest = WORDS
        if texts.device.type == "cpu" and len(texts):
            longest = int(lengths.max())
        states = texts[:, : longest * self.dimension].reshape(len(texts), longest, self.dimension)
        known = torch.arange(longest, device=texts.device) < lengths[:, None]
        return states, known

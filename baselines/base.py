"""What every model here can do: encode both sides, and score all pairs.

An encoded image or text is one row of a tensor, whatever the model: rows may be cut,
joined and picked. What the columns mean is the model's own affair.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rsitmd_tools.dataset import Dataset

EPSILON = 1e-8
# Elements of the largest tensor that scoring makes beside its result (64 MB in float32).
BLOCK_ELEMENTS = 16_000_000
# The same of a vector a pair, made and used up within a core's cache (512 KB in float32).
TILE_ELEMENTS = 131_072


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts as numbers of words.

    Attributes:
        words: ``(B, L)`` int64, padded.
        lengths: ``(B,)`` int64, words of each text, at least one.
        keywords: ``(B, K, W)`` int64, the words of each keyword, padded.
        keyword_lengths: ``(B, K)`` int64, words of each keyword; 0 where there is none.
    """

    words: Tensor
    lengths: Tensor
    keywords: Tensor
    keyword_lengths: Tensor

    def __len__(self) -> int:
        return len(self.words)

    def to(self, device: torch.device | str) -> Texts:
        """Return the same on another device."""
        return Texts(
            self.words.to(device),
            self.lengths.to(device),
            self.keywords.to(device),
            self.keyword_lengths.to(device),
        )

    def take(self, rows: Tensor) -> Texts:
        """Return some of the texts, padding that none of them needs cut off."""
        lengths, keyword_lengths = self.lengths[rows], self.keyword_lengths[rows]
        words = self.words[rows, : max(1, int(lengths.max()))]
        longest = max(1, int(keyword_lengths.max()))
        most = max(1, int((keyword_lengths > 0).sum(1).max()))
        return Texts(
            words, lengths, self.keywords[rows, :most, :longest], keyword_lengths[:, :most]
        )


class Tokenizer(Protocol):
    """Turns sentences and keywords into what a model's text encoder reads."""

    def __len__(self) -> int:
        """How many words there are."""

    def save(self, file: Path) -> None:
        """Write it into a run."""

    def encode(
        self, captions: Sequence[str], keywords: Sequence[Sequence[str]] | None = None
    ) -> Texts:
        """Encode captions, each with the keywords of its image where they are known."""

    def keywords_of(self, dataset: Dataset) -> list[tuple[str, ...]]:
        """Return, for each caption of :meth:`Dataset.captions`, the keywords of its image."""

    def unread(self, caption: str) -> list[str]:
        """Say what of a caption the model does not read, a sentence each."""


class RetrievalModel(nn.Module, ABC):
    """A model whose training and evaluation use the same score.

    Encoding an image has two parts, so that the first can be computed once where it is
    frozen: ``encode_images(x) == encode_features(features(x))``.
    """

    @abstractmethod
    def frozen_part(self) -> nn.Module:
        """Return the backbone: what ``freeze_backbone`` does not train."""

    @abstractmethod
    def features_kind(self) -> str:
        """Name what :meth:`features` returns: models of one kind share a cache of them."""

    @abstractmethod
    def features(self, images: Tensor) -> list[Tensor]:
        """Map ``(B, 3, H, W)`` images in [0, 1] to what the backbone sees in them."""

    @abstractmethod
    def encode_features(self, features: Sequence[Tensor]) -> Tensor:
        """Map the features of B images to ``(B, d)``."""

    def encode_images(self, images: Tensor) -> Tensor:
        """Map ``(B, 3, H, W)`` images in [0, 1] to ``(B, d)``; normalised inside."""
        return self.encode_features(self.features(images))

    @abstractmethod
    def encode_texts(self, texts: Texts) -> Tensor:
        """Map B texts to ``(B, D)``."""

    @abstractmethod
    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Score all pairs: ``(N, d)`` and ``(M, D)`` to ``(N, M)``, higher is nearer.

        Memory beside the result is bounded by ``BLOCK_ELEMENTS`` where no gradient is kept.
        """


def cosine_matrix(images: Tensor, texts: Tensor) -> Tensor:
    """Cosine of every image with every text: ``(N, d)``, ``(M, d)`` to ``(N, M)``."""
    return normalize(images, dim=-1, eps=EPSILON) @ normalize(texts, dim=-1, eps=EPSILON).T


def in_blocks(
    function: Callable[[Tensor], Tensor], images: Tensor, texts: int, elements_a_row: int
) -> Tensor:
    """Apply a score to blocks of images, so that none needs more than ``BLOCK_ELEMENTS``.

    Args:
        function: Maps ``(n, d)`` images to ``(n, M)`` scores.
        images: ``(N, d)``.
        texts: M.
        elements_a_row: Elements of the largest tensor made for one image.

    Returns:
        ``(N, M)``; written in place where no gradient is kept.
    """
    rows = max(1, BLOCK_ELEMENTS // max(1, elements_a_row))
    if torch.is_grad_enabled() or len(images) <= rows:
        return torch.cat([function(block) for block in torch.split(images, rows)])
    scores = images.new_empty((len(images), texts))
    for first in range(0, len(images), rows):
        scores[first : first + rows] = function(images[first : first + rows])
    return scores


def in_tiles(
    function: Callable[[slice, slice], Tensor], images: Tensor, texts: int, dimension: int
) -> Tensor:
    """Apply a score that needs a vector for each pair to tiles of the matrix of pairs.

    On a CPU a tile's vectors fit into a core's cache: they are written and read several
    times, and from memory that costs ten times as much.

    Args:
        function: Maps rows and columns to their ``(n, m)`` scores.
        images: ``(N, ...)``.
        texts: M.
        dimension: Elements of the vector of a pair.

    Returns:
        ``(N, M)``; in one piece where a gradient is kept, as that keeps all vectors.
    """
    if torch.is_grad_enabled():
        return function(slice(None), slice(None))
    most = TILE_ELEMENTS if images.device.type == "cpu" else BLOCK_ELEMENTS
    columns = min(texts, max(1, most // dimension))
    rows = max(1, most // (columns * dimension))
    scores = images.new_empty((len(images), texts))
    for row in range(0, len(images), rows):
        for column in range(0, texts, columns):
            tile = slice(row, row + rows), slice(column, column + columns)
            scores[tile] = function(*tile)
    return scores

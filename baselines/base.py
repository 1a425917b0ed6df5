"""The interface of all models: encode images, encode texts, and score all pairs.

An encoded image or text is one row of a tensor in every model. Callers may slice, concatenate
and select rows; only the model interprets the columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rsitmd_tools.dataset import Dataset

EPSILON = 1e-8
# Fixed sizes of texts are multiples of this.
WORDS_STEP = 8
# Maximum number of elements of a temporary tensor during scoring (64 MB in float32).
BLOCK_ELEMENTS = 16_000_000
# The same on a CPU for one vector per pair: the tile fits in a core's cache (512 KB in float32).
TILE_ELEMENTS = 131_072
# Maps ``(M, D)`` texts to their ``(N, M)`` scores with known images.
Scorer = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts as word indices.

    Attributes:
        words: ``(B, L)`` int64, padded.
        lengths: ``(B,)`` int64, number of words of each text, at least 1.
        keywords: ``(B, K, W)`` int64, the words of each keyword, padded.
        keyword_lengths: ``(B, K)`` int64, number of words of each keyword; 0 for padding.
        vectors: ``(B, V)`` float32, vectors of a pretrained sentence encoder; V is 0 without one.
    """

    words: Tensor
    lengths: Tensor
    keywords: Tensor
    keyword_lengths: Tensor
    vectors: Tensor

    def __len__(self) -> int:
        return len(self.words)

    def to(self, device: torch.device | str) -> Texts:
        """Return the texts on another device."""
        return Texts(
            self.words.to(device),
            self.lengths.to(device),
            self.keywords.to(device),
            self.keyword_lengths.to(device),
            self.vectors.to(device),
        )

    def take(self, rows: Tensor, fixed_sizes: bool = False) -> Texts:
        """Return some of the texts, without padding that none of them needs.

        Args:
            rows: Indices of the texts.
            fixed_sizes: Pad the words to one of a few sizes, and the keywords as here. A CUDA
                graph can be used again only for tensors of the same sizes.
        """
        lengths, keyword_lengths = self.lengths[rows], self.keyword_lengths[rows]
        vectors = self.vectors[rows]
        longest = max(1, int(lengths.max()))
        if fixed_sizes:
            longest = -(-longest // WORDS_STEP) * WORDS_STEP
            words, keywords = self.words[rows, :longest], self.keywords[rows]
            return Texts(words, lengths, keywords, keyword_lengths, vectors)
        longest_keyword = max(1, int(keyword_lengths.max()))
        most = max(1, int((keyword_lengths > 0).sum(1).max()))
        return Texts(
            self.words[rows, :longest],
            lengths,
            self.keywords[rows, :most, :longest_keyword],
            keyword_lengths[:, :most],
            vectors,
        )


class Tokenizer(Protocol):
    """Converts sentences and keywords to the input of a model's text encoder."""

    def __len__(self) -> int:
        """Return the size of the vocabulary."""

    def save(self, file: Path) -> None:
        """Write the tokenizer to a file of a run."""

    def encode(
        self, captions: Sequence[str], keywords: Sequence[Sequence[str]] | None = None
    ) -> Texts:
        """Encode captions, each with the keywords of its image if they are known."""

    def keywords_of(self, dataset: Dataset) -> list[tuple[str, ...]]:
        """Return, for each caption of :meth:`Dataset.captions`, the keywords of its image."""

    def unread(self, caption: str, keywords: Sequence[str] = ()) -> list[str]:
        """Report the parts of a query that the model ignores, one sentence per fact.

        Args:
            caption: The sentence, with the keywords at its end.
            keywords: The keywords.
        """


class RetrievalModel(nn.Module, ABC):
    """A model with the same score in training and evaluation.

    Encoding an image has two steps, so that the result of the first can be cached if the
    backbone is frozen: ``encode_images(x) == encode_features(features(x))``.

    Attributes:
        image_parts: Names of the submodules that only the encoding of images needs. A search
            with stored images loads the model without them. Empty: it always loads all.
        short_texts: Whether texts are truncated to the words that a row has room for
            (:data:`rsitmd_tools.baselines.words.WORDS`).
    """

    image_parts: ClassVar[tuple[str, ...]] = ()
    short_texts: ClassVar[bool] = False

    @abstractmethod
    def frozen_part(self) -> nn.Module:
        """Return the backbone, which ``freeze_backbone`` excludes from training."""

    @abstractmethod
    def features_kind(self) -> str:
        """Name the output of :meth:`features`: models with equal names share a cache."""

    @abstractmethod
    def features(self, images: Tensor) -> list[Tensor]:
        """Map ``(B, 3, H, W)`` images in [0, 1] to features of the backbone."""

    @abstractmethod
    def encode_features(self, features: Sequence[Tensor]) -> Tensor:
        """Map the features of B images to ``(B, d)``."""

    def encode_images(self, images: Tensor) -> Tensor:
        """Map ``(B, 3, H, W)`` images in [0, 1] to ``(B, d)``; the model normalises them."""
        return self.encode_features(self.features(images))

    @abstractmethod
    def encode_texts(self, texts: Texts) -> Tensor:
        """Map B texts to ``(B, D)``."""

    @abstractmethod
    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Score all pairs: ``(N, d)`` and ``(M, D)`` to ``(N, M)``, higher is more similar.

        Without gradients, temporary tensors have at most ``BLOCK_ELEMENTS`` elements.
        """

    def scorer(self, images: Tensor) -> Scorer:
        """Return a function that scores these images with texts, with the bits of :meth:`score`.

        A server scores the same images with one text after another. A model that computes
        something from the images alone overrides this, and computes it once.
        """
        return lambda texts: self.score(images, texts)


def cosine_matrix(images: Tensor, texts: Tensor) -> Tensor:
    """Return the cosine similarity of all pairs: ``(N, d)``, ``(M, d)`` to ``(N, M)``."""
    return cosine_scorer(images)(texts)


def cosine_scorer(images: Tensor) -> Scorer:
    """Return a function from ``(M, d)`` texts to their cosine with ``(N, d)`` images."""
    unit = normalize(images, dim=-1, eps=EPSILON)
    return lambda texts: unit @ normalize(texts, dim=-1, eps=EPSILON).T


def in_blocks(
    function: Callable[[Tensor], Tensor], images: Tensor, texts: int, elements_per_image: int
) -> Tensor:
    """Compute scores in blocks of images that need at most ``BLOCK_ELEMENTS`` elements.

    Args:
        function: Maps ``(n, d)`` images to ``(n, M)`` scores.
        images: ``(N, d)``.
        texts: M.
        elements_per_image: Elements of the largest temporary tensor for one image.

    Returns:
        ``(N, M)``; allocated once if gradients are disabled.
    """
    rows = max(1, BLOCK_ELEMENTS // max(1, elements_per_image))
    if torch.is_grad_enabled() or len(images) <= rows:
        return torch.cat([function(block) for block in torch.split(images, rows)])
    scores = images.new_empty((len(images), texts))
    for first in range(0, len(images), rows):
        scores[first : first + rows] = function(images[first : first + rows])
    return scores


def in_tiles(
    function: Callable[[slice, slice], Tensor],
    images: Tensor,
    texts: int,
    dimension: int,
    cpu_elements: int | None = None,
) -> Tensor:
    """Compute a score that needs one vector per pair in tiles of the score matrix.

    On a CPU, the vectors of a tile fit in a core's cache. They are written and read several
    times, which is ten times slower in main memory.

    Args:
        function: Maps rows and columns to their ``(n, m)`` scores.
        images: ``(N, ...)``.
        texts: M.
        dimension: Elements of the vector of a pair.
        cpu_elements: Elements of a tile on a CPU; None for ``TILE_ELEMENTS``.

    Returns:
        ``(N, M)``; computed as a single tile if gradients are enabled, because autograd keeps
        all vectors anyway.
    """
    if torch.is_grad_enabled():
        return function(slice(None), slice(None))
    on_cpu = TILE_ELEMENTS if cpu_elements is None else cpu_elements
    most = on_cpu if images.device.type == "cpu" else BLOCK_ELEMENTS
    columns = min(texts, max(1, most // dimension))
    rows = max(1, most // (columns * dimension))
    scores = images.new_empty((len(images), texts))
    for row in range(0, len(images), rows):
        for column in range(0, texts, columns):
            tile = slice(row, row + rows), slice(column, column + columns)
            scores[tile] = function(*tile)
    return scores

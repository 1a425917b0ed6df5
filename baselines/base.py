"""What every model here can do: encode both sides, and score all pairs."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

EPSILON = 1e-8


class RetrievalModel(nn.Module, ABC):
    """A model whose training and evaluation use the same score."""

    @abstractmethod
    def encode_images(self, images: Tensor) -> Tensor:
        """Map ``(B, 3, H, W)`` normalised images to ``(B, d)``."""

    @abstractmethod
    def encode_texts(self, words: Tensor, lengths: Tensor) -> Tensor:
        """Map ``(B, L)`` words and ``(B,)`` lengths to ``(B, d)``."""

    @abstractmethod
    def score(self, images: Tensor, texts: Tensor) -> Tensor:
        """Score all pairs: ``(N, d)`` and ``(M, d)`` to ``(N, M)``, higher is nearer."""


def cosine_matrix(images: Tensor, texts: Tensor) -> Tensor:
    """Cosine of every image with every text: ``(N, d)``, ``(M, d)`` to ``(N, M)``."""
    return (
        torch.nn.functional.normalize(images, dim=-1, eps=EPSILON)
        @ torch.nn.functional.normalize(texts, dim=-1, eps=EPSILON).T
    )

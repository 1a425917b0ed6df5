"""Scores of all images with all captions, each encoded once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rsitmd_tools.baselines.base import RetrievalModel
from rsitmd_tools.baselines.data.images import normalised
from rsitmd_tools.baselines.text import Vocabulary

BATCH = 64


@torch.no_grad()
def encode_images(model: RetrievalModel, pixels: npt.NDArray[np.uint8]) -> Tensor:
    """Encode ``(N, S, S, 3)`` uint8 images to ``(N, d)``, in evaluation mode."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    parts = [
        model.encode_images(normalised(pixels[first : first + BATCH]).to(device))
        for first in range(0, len(pixels), BATCH)
    ]
    model.train(was_training)
    return torch.cat(parts)


@torch.no_grad()
def encode_texts(model: RetrievalModel, vocabulary: Vocabulary, captions: Sequence[str]) -> Tensor:
    """Encode captions to ``(M, d)``, in evaluation mode."""
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device
    parts = []
    for first in range(0, len(captions), BATCH):
        words, lengths = vocabulary.encode(captions[first : first + BATCH])
        parts.append(model.encode_texts(words.to(device), lengths.to(device)))
    model.train(was_training)
    return torch.cat(parts)


@torch.no_grad()
def score_matrix(
    model: RetrievalModel,
    vocabulary: Vocabulary,
    pixels: npt.NDArray[np.uint8],
    captions: Sequence[str],
) -> npt.NDArray[np.float32]:
    """Score every image with every caption: ``(N, M)`` float32."""
    images = encode_images(model, pixels)
    texts = encode_texts(model, vocabulary, captions)
    scores: npt.NDArray[np.float32] = model.score(images, texts).float().cpu().numpy()
    return scores

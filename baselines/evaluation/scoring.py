"""Scores of all images with all captions, each encoded once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rsitmd_tools.baselines.base import RetrievalModel, Tokenizer
from rsitmd_tools.baselines.data.images import unit_images
from rsitmd_tools.progress import progress

BATCH = 64


@torch.no_grad()
def encode_images(model: RetrievalModel, pixels: npt.NDArray[np.uint8]) -> Tensor:
    """Encode ``(N, S, S, 3)`` uint8 images to ``(N, d)``, in evaluation mode."""
    device = next(model.parameters()).device
    parts = []
    with _evaluating(model), progress("encode images", len(pixels)) as step:
        for first in range(0, len(pixels), BATCH):
            batch = unit_images(pixels[first : first + BATCH]).to(device)
            parts.append(model.encode_images(batch))
            step(len(batch))
    return torch.cat(parts)


@torch.no_grad()
def encode_texts(
    model: RetrievalModel,
    vocabulary: Tokenizer,
    captions: Sequence[str],
    keywords: Sequence[Sequence[str]] | None = None,
) -> Tensor:
    """Encode captions, each with the keywords of its image, to ``(M, D)``, in evaluation mode."""
    device = next(model.parameters()).device
    parts = []
    with _evaluating(model), progress("encode texts", len(captions)) as step:
        for first in range(0, len(captions), BATCH):
            rows = slice(first, first + BATCH)
            texts = vocabulary.encode(captions[rows], None if keywords is None else keywords[rows])
            parts.append(model.encode_texts(texts.to(device)))
            step(len(texts))
    return torch.cat(parts)


@torch.no_grad()
def score_matrix(
    model: RetrievalModel,
    vocabulary: Tokenizer,
    pixels: npt.NDArray[np.uint8],
    captions: Sequence[str],
    keywords: Sequence[Sequence[str]] | None = None,
) -> npt.NDArray[np.float32]:
    """Score every image with every caption: ``(N, M)`` float32."""
    images = encode_images(model, pixels)
    texts = encode_texts(model, vocabulary, captions, keywords)
    with _evaluating(model):
        scores: npt.NDArray[np.float32] = model.score(images, texts).float().cpu().numpy()
    return scores


@contextmanager
def _evaluating(model: RetrievalModel) -> Iterator[None]:
    """Put a model into evaluation mode, and back."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)

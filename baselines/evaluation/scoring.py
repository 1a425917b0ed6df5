"""Scores of all images with all captions, each encoded once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from rsitmd_tools.baselines.base import RetrievalModel, Texts, Tokenizer
from rsitmd_tools.baselines.data.images import unit_images
from rsitmd_tools.baselines.data.views import turned
from rsitmd_tools.baselines.evaluation.gallery import Indices
from rsitmd_tools.progress import progress

BATCH = 64


@torch.no_grad()
def encode_images(model: RetrievalModel, pixels: npt.NDArray[np.uint8], view: int = 0) -> Tensor:
    """Encode ``(N, S, S, 3)`` uint8 images, turned to a view, to ``(N, d)``, in evaluation mode."""
    device = next(model.parameters()).device
    parts = []
    with _evaluating(model), progress("encode images", len(pixels)) as step:
        for first in range(0, len(pixels), BATCH):
            batch = unit_images(pixels[first : first + BATCH]).to(device)
            parts.append(model.encode_images(turned(batch, view)))
            step(len(batch))
    return torch.cat(parts)


@torch.no_grad()
def encode_texts(
    model: RetrievalModel,
    vocabulary: Tokenizer,
    captions: Sequence[str],
    keywords: Sequence[Sequence[str]] | None = None,
) -> tuple[Tensor, Indices]:
    """Encode captions, each with the keywords of its image, in evaluation mode.

    Texts that the model cannot tell apart are encoded once: in batches of other company
    they would differ in their last bits, and what is a tie would be decided by rounding.

    Returns:
        ``(M, D)``, and ``(M,)``: of each text the first one that is equal to it.
    """
    device = next(model.parameters()).device
    texts = vocabulary.encode(captions, keywords)
    first, place = _distinct(texts)
    parts = []
    with _evaluating(model), progress("encode texts", len(first)) as step:
        for start in range(0, len(first), BATCH):
            batch = texts.take(torch.from_numpy(first[start : start + BATCH])).to(device)
            parts.append(model.encode_texts(batch))
            step(len(batch))
    return torch.cat(parts)[torch.from_numpy(place).to(device)], first[place]


@torch.no_grad()
def score_matrix(
    model: RetrievalModel,
    vocabulary: Tokenizer,
    pixels: npt.NDArray[np.uint8],
    captions: Sequence[str],
    keywords: Sequence[Sequence[str]] | None = None,
    views: int = 1,
) -> npt.NDArray[np.float32]:
    """Score every image with every caption: ``(N, M)`` float32; equal texts score alike.

    Args:
        model: Scores in evaluation mode.
        vocabulary: Of the model.
        pixels: ``(N, S, S, 3)`` uint8.
        captions: M of them.
        keywords: Of each caption those of its image.
        views: K: each image is seen in the first K of its eight rotations and flips, and its
            score is the mean over them. An overhead image has no side that is up.
    """
    texts, first = encode_texts(model, vocabulary, captions, keywords)

    def seen(view: int) -> npt.NDArray[np.float32]:
        images = encode_images(model, pixels, view)
        with _evaluating(model):
            found: npt.NDArray[np.float32] = model.score(images, texts).float().cpu().numpy()
        return found

    scores = seen(0)
    for view in range(1, views):
        scores += seen(view)
    scores /= views
    repeated = np.flatnonzero(first != np.arange(len(first)))
    for row in scores:
        row[repeated] = row[first[repeated]]
    return scores


def _distinct(texts: Texts) -> tuple[Indices, Indices]:
    """Return the first of each kind of text, in order, and of each text which kind it is."""
    rows = torch.cat(
        [texts.words, texts.lengths[:, None], texts.keywords.flatten(1), texts.keyword_lengths], 1
    ).numpy()
    _, first, place = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[place.reshape(-1)]


@contextmanager
def _evaluating(model: RetrievalModel) -> Iterator[None]:
    """Put a model into evaluation mode, and back."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)

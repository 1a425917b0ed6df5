"""Scores of all images with all captions, each encoded once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Encoded:
    """Encoded images and captions.

    Attributes:
        views: ``(N, d)`` for each view of the images.
        texts: ``(M, D)``.
        first_equal: ``(M,)``: for each text the index of the first text that is equal to it.
    """

    views: Sequence[Tensor]
    texts: Tensor
    first_equal: Indices


@torch.no_grad()
def encode_images(model: RetrievalModel, pixels: npt.NDArray[np.uint8], view: int = 0) -> Tensor:
    """Encode ``(N, S, S, 3)`` uint8 images in a view to ``(N, d)``, in evaluation mode."""
    batches = (pixels[first : first + BATCH] for first in range(0, len(pixels), BATCH))
    parts = []
    with progress("encode images", len(pixels)) as step:
        for encoded in encode_batches(model, batches, view):
            parts.append(encoded)
            step(len(encoded))
    return torch.cat(parts)


@torch.no_grad()
def encode_batches(
    model: RetrievalModel, batches: Iterable[npt.NDArray[np.uint8]], view: int = 0
) -> Iterator[Tensor]:
    """Encode batches of ``(B, S, S, 3)`` uint8 images in a view, in evaluation mode.

    An image has the same bits as in an evaluation only if its batch has the same images: the
    caller takes ``BATCH`` images at a time, in the order of the dataset.
    """
    device = next(model.parameters()).device
    for pixels in batches:
        with evaluating(model):
            yield model.encode_images(turned(unit_images(pixels, device), view))


@torch.no_grad()
def encode_texts(
    model: RetrievalModel,
    tokenizer: Tokenizer,
    captions: Sequence[str],
    keywords: Sequence[Sequence[str]] | None = None,
) -> tuple[Tensor, Indices]:
    """Encode captions, each with the keywords of its image, in evaluation mode.

    Texts that are equal to the model are encoded once. In different batches they would differ
    in their last bits, and rounding would decide what is a tie.

    Returns:
        ``(M, D)``, and ``(M,)``: for each text the index of the first text that is equal to it.
    """
    encoded, place = encode_distinct(model, tokenizer, captions, keywords)
    # Distinct texts are in order, so the first place of each is its first text.
    _, first = np.unique(place, return_index=True)
    return encoded[torch.from_numpy(place).to(encoded.device)], first[place]


@torch.no_grad()
def encode_distinct(
    model: RetrievalModel,
    tokenizer: Tokenizer,
    captions: Sequence[str],
    keywords: Sequence[Sequence[str]] | None = None,
) -> tuple[Tensor, Indices]:
    """Encode the captions that differ to the model; see :func:`encode_texts`.

    Returns:
        ``(T, D)``, and ``(M,)``: for each caption its row.
    """
    device = next(model.parameters()).device
    texts = tokenizer.encode(captions, keywords)
    first, place = _distinct(texts)
    parts = []
    # A query is one batch: it takes milliseconds, and a search has nothing else to say.
    shown = len(first) if len(first) > BATCH else 0
    with evaluating(model), progress("encode texts", shown) as step:
        for start in range(0, len(first), BATCH):
            batch = texts.take(torch.from_numpy(first[start : start + BATCH])).to(device)
            parts.append(model.encode_texts(batch))
            step(len(batch))
    return torch.cat(parts), place


@torch.no_grad()
def encode(
    model: RetrievalModel,
    tokenizer: Tokenizer,
    pixels: npt.NDArray[np.uint8],
    captions: Sequence[str],
    keywords: Sequence[Sequence[str]] | None = None,
    views: int = 1,
) -> Encoded:
    """Encode all images, once for each view, and all captions.

    Args:
        model: Encodes in evaluation mode.
        tokenizer: The tokenizer of the model.
        pixels: ``(N, S, S, 3)`` uint8.
        captions: M captions.
        keywords: For each caption the keywords of its image.
        views: K: each image is encoded in the first K of its eight rotations and flips. An
            overhead image has no side that is up.
    """
    texts, first_equal = encode_texts(model, tokenizer, captions, keywords)
    return Encoded(
        [encode_images(model, pixels, view) for view in range(views)], texts, first_equal
    )


@torch.no_grad()
def score(model: RetrievalModel, encoded: Encoded) -> npt.NDArray[np.float32]:
    """Score every image with every caption: ``(N, M)`` float32.

    The score of an image is the mean over its views. Texts that are equal to the model have
    equal scores.

    Args:
        model: Scores in evaluation mode.
        encoded: What this model encoded.
    """
    scores: npt.NDArray[np.float32]
    for view, images in enumerate(encoded.views):
        with evaluating(model):
            found = model.score(images, encoded.texts).float().cpu().numpy()
        if view == 0:
            scores = found
        else:
            scores += found
    scores /= len(encoded.views)
    first = encoded.first_equal
    repeated = np.flatnonzero(first != np.arange(len(first)))
    for row in scores:
        row[repeated] = row[first[repeated]]
    return scores


def score_matrix(
    model: RetrievalModel,
    tokenizer: Tokenizer,
    pixels: npt.NDArray[np.uint8],
    captions: Sequence[str],
    keywords: Sequence[Sequence[str]] | None = None,
    views: int = 1,
) -> npt.NDArray[np.float32]:
    """Encode and score: :func:`encode`, then :func:`score`."""
    return score(model, encode(model, tokenizer, pixels, captions, keywords, views))


def _distinct(texts: Texts) -> tuple[Indices, Indices]:
    """Return the index of each distinct text, in order, and for each text its distinct text."""
    indices = [texts.words, texts.lengths[:, None], texts.keywords.flatten(1)]
    rows = torch.cat([*indices, texts.keyword_lengths, texts.vectors.double()], 1).numpy()
    _, first, place = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[place.reshape(-1)]


@contextmanager
def evaluating(model: RetrievalModel) -> Iterator[None]:
    """Put a model into evaluation mode for a while."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)

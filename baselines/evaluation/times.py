"""Times of a query by part (table VII): encode an image, encode a text, match."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from rsitmd_tools.baselines.base import RetrievalModel, Tokenizer
from rsitmd_tools.baselines.data.images import unit_images
from rsitmd_tools.baselines.evaluation.overlay import Pixels
from rsitmd_tools.baselines.evaluation.scoring import evaluating

BATCHES = (1, 16, 64)
REPEATS = 3
# A call that takes longer than this many seconds is not repeated.
LONG = 1.0


@torch.no_grad()
def measure_times(
    model: RetrievalModel,
    tokenizer: Tokenizer,
    pixels: Pixels,
    captions: Sequence[str],
    images: Tensor,
) -> dict[str, Any]:
    """Measure the time of each part for batches of several sizes.

    Each part runs once to warm up, then three times; the median counts. A long first call
    counts itself.

    Args:
        model: The model, on its device.
        tokenizer: Its tokenizer.
        pixels: ``(N, S, S, 3)``.
        captions: M captions.
        images: ``(N, d)``, the encoded images: what a query is matched with.

    Returns:
        ``device``, ``threads``, ``gallery`` (images that a query is matched with) and
        ``rows``: ``part``, ``batch`` and ``milliseconds`` for one item of the batch. Batches
        that are larger than the gallery are left out.
    """
    device = next(model.parameters()).device
    texts = tokenizer.encode(captions[: BATCHES[-1]]).to(device)
    encoded = model.encode_texts(texts)
    parts: dict[str, tuple[int, Callable[[int], Any]]] = {
        "encode image": (
            len(pixels),
            lambda size: model.encode_images(unit_images(pixels[:size], device)),
        ),
        "encode text": (
            len(captions),
            lambda size: model.encode_texts(tokenizer.encode(captions[:size]).to(device)),
        ),
        "match": (len(captions), lambda size: model.score(images, encoded[:size])),
    }
    with evaluating(model):
        rows = [
            {
                "part": part,
                "batch": size,
                "milliseconds": _seconds(work, size, device) * 1000 / size,
            }
            for part, (items, work) in parts.items()
            for size in BATCHES
            if size <= items
        ]
    return {
        "device": device.type,
        "threads": torch.get_num_threads(),
        "gallery": len(images),
        "rows": rows,
    }


def _seconds(work: Callable[[int], Any], size: int, device: torch.device) -> float:
    """Return the time of one call."""
    first = _once(work, size, device)
    if first > LONG:
        return first
    return median(_once(work, size, device) for _ in range(REPEATS))


def _once(work: Callable[[int], Any], size: int, device: torch.device) -> float:
    # Work on a GPU is only queued: wait for it before and after.
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = perf_counter()
    work(size)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return perf_counter() - start

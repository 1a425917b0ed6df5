"""The features of the slices of a scene: encoded once, kept on disk in blocks.

They are found by content: by the SHA-256 of the scene, the settings and the weights. A killed
command continues with the first missing block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import numpy.typing as npt
import torch

from rsitmd_tools.baselines.base import RetrievalModel
from rsitmd_tools.baselines.data.images import unit_images
from rsitmd_tools.baselines.evaluation.vector_store import VectorStore
from rsitmd_tools.baselines.localisation.scene_reader import Pixels, read_slices
from rsitmd_tools.baselines.localisation.slices import Slice
from rsitmd_tools.hashing import sha256_lines
from rsitmd_tools.imaging.options import BandOptions
from rsitmd_tools.imaging.place_cache import user_cache
from rsitmd_tools.imaging.raster import Raster
from rsitmd_tools.progress import Step, progress

FORMAT = "slices-2"
BLOCK = 1024  # slices of a file
BATCH = 32

Features = npt.NDArray[np.float32]


def slice_store(settings: Sequence[object]) -> VectorStore:
    """Return the store of the features of one scene, settings and weights.

    Args:
        settings: All that the features depend on.
    """
    key = sha256_lines([FORMAT, *map(str, settings)])
    return VectorStore(user_cache() / "slices" / key[:32])


def slice_features(
    load: Callable[[], RetrievalModel],
    raster: Raster,
    slices: Sequence[Slice],
    side: int,
    options: BandOptions,
    store: VectorStore,
) -> Features:
    """Return the features of slices, those that are not in the cache encoded now.

    Args:
        load: Returns the whole model, in evaluation mode; called only if a slice must be encoded.
        raster: The scene.
        slices: Result of :func:`slices_of`.
        side: Side of the model's images in pixels.
        options: The bands.
        store: Where blocks are kept; see :func:`slice_store`.

    Returns:
        ``(N, d) float32``; NaN for slices with too few valid pixels.

    Raises:
        UnusableImageError: The scene cannot be read.
    """
    starts = range(0, len(slices), BLOCK)
    parts = [slices[start : start + BLOCK] for start in starts]
    keys = [f"block-{number:05}" for number in range(len(parts))]
    blocks = [store.get(key) for key in keys]
    missing = [number for number, block in enumerate(blocks) if block is None]
    if missing:
        model = load()
        wanted = [one for number in missing for one in parts[number]]
        pixels = read_slices(raster, wanted, side, options, raster.value_range(options))
        with progress("encode slices", len(wanted)) as step:
            for number in missing:
                encoded = _encoded(model, pixels, len(parts[number]), step)
                store.put(keys[number], encoded)
                blocks[number] = encoded
    return _joined([block for block in blocks if block is not None])


def _joined(blocks: Sequence[Features]) -> Features:
    """Return all blocks; one without a valid slice has one column, whatever the model."""
    wide = max(block.shape[1] for block in blocks)
    full = [
        block if block.shape[1] == wide else np.full((len(block), wide), np.nan, np.float32)
        for block in blocks
    ]
    return np.concatenate(full)


def _encoded(
    model: RetrievalModel, pixels: Iterator[Pixels | None], count: int, step: Step
) -> Features:
    """Encode the next ``count`` slices; an accelerator encodes while the next batch is read.

    On a CPU, the threads of the model use all cores, and would wait for the one that reads: one
    after the other is faster (``benchmarks/locate.py``).
    """
    on_cpu = next(model.parameters()).device.type == "cpu"
    found: list[tuple[list[int], Features]] = []
    with ThreadPoolExecutor(1) as worker:
        pending = None
        for first in range(0, count, BATCH):
            batch = [next(pixels) for _ in range(min(BATCH, count - first))]
            if pending is not None:
                found.append((pending[0], pending[1].result()))
            kept = [first + n for n, image in enumerate(batch) if image is not None]
            images = [image for image in batch if image is not None]
            pending = (kept, worker.submit(_encode, model, images)) if images else None
            if on_cpu and pending is not None:
                wait([pending[1]])
            step(len(batch))
        if pending is not None:
            found.append((pending[0], pending[1].result()))
    features = np.full((count, found[0][1].shape[1] if found else 1), np.nan, np.float32)
    for rows, values in found:
        features[rows] = values
    return features


def _encode(model: RetrievalModel, images: Sequence[Pixels]) -> Features:
    device = next(model.parameters()).device
    # Gradients are switched on in each new thread.
    with torch.no_grad():
        encoded = model.encode_images(unit_images(np.stack(images), device))
    return np.asarray(encoded.flatten(1).float().cpu().numpy(), np.float32)

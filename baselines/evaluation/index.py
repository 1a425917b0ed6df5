"""The index of a search: images and sentences of a dataset, encoded once by the model of a run.

Images are encoded in the batches of an evaluation, so their vectors have the same bits. They are
stored in parts: a killed search goes on after its last complete part.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from rsitmd_tools.baselines.base import RetrievalModel, Tokenizer
from rsitmd_tools.baselines.data.images import DECODING, decode_image
from rsitmd_tools.baselines.evaluation.scoring import BATCH, encode_batches, encode_distinct
from rsitmd_tools.baselines.evaluation.vector_store import Vectors, VectorStore
from rsitmd_tools.hashing import sha256_lines
from rsitmd_tools.progress import progress

# Images of a part; a multiple of BATCH.
PART = 16 * BATCH


def image_vectors(
    paths: Sequence[Path],
    digests: Sequence[str],
    size: int,
    store: VectorStore,
    load: Callable[[], RetrievalModel],
) -> list[Vectors]:
    """Return the encoded images in parts ``(n, d)``; encode and store those that are not stored.

    Args:
        paths: The image files, in the order of the dataset.
        digests: SHA-256 of each file.
        size: Side S of the model's images in pixels.
        store: The store of the model.
        load: Returns the whole model; called only if an image must be encoded.

    Raises:
        RsitmdError: An image cannot be decoded.
    """
    starts = range(0, len(paths), PART)
    keys = [f"images-{DECODING}-{sha256_lines(digests[at : at + PART])[:32]}" for at in starts]
    found = [store.get(key) for key in keys]
    if any(part is None for part in found):
        with store.one_builder():
            # Another process may have encoded them in the meantime.
            found = [
                store.get(key) if part is None else part
                for key, part in zip(keys, found, strict=True)
            ]
            _encode(paths, size, keys, found, store, load)
    return [part for part in found if part is not None]


@torch.no_grad()
def _encode(
    paths: Sequence[Path],
    size: int,
    keys: Sequence[str],
    found: list[Vectors | None],
    store: VectorStore,
    load: Callable[[], RetrievalModel],
) -> None:
    """Encode the parts that are None, and put them into ``found`` and the store."""
    missing = [number for number, part in enumerate(found) if part is None]
    if not missing:
        return
    model = load()
    parts = {number: paths[number * PART : (number + 1) * PART] for number in missing}
    batches = [
        (number, part[at : at + BATCH])
        for number, part in parts.items()
        for at in range(0, len(part), BATCH)
    ]
    pending: list[npt.NDArray[np.float32]] = []
    # On a CPU, all cores encode.
    on_cpu = next(model.parameters()).device.type == "cpu"
    threads = 1 if on_cpu else os.cpu_count() or 1
    decoded = _decoded([batch for _, batch in batches], size, threads)
    with progress("encode images", sum(map(len, parts.values()))) as step:
        for place, encoded in enumerate(encode_batches(model, decoded)):
            number = batches[place][0]
            pending.append(encoded.float().cpu().numpy())
            step(len(encoded))
            if place + 1 == len(batches) or batches[place + 1][0] != number:
                whole = np.concatenate(pending)
                store.put(keys[number], whole)
                found[number] = whole
                pending = []


def _decoded(
    batches: Sequence[Sequence[Path]], size: int, threads: int
) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield decoded batches; the next one is decoded by threads while the caller encodes."""

    def decode(batch: Sequence[Path]) -> npt.NDArray[np.uint8]:
        return np.stack(list(pool.map(lambda path: decode_image(path, size), batch)))

    with ThreadPoolExecutor(1) as ahead, ThreadPoolExecutor(threads) as pool:
        following = ahead.submit(decode, batches[0])
        for batch in [*batches[1:], None]:
            pixels = following.result()
            if batch is not None:
                following = ahead.submit(decode, batch)
            yield pixels


def text_vectors(
    captions: Sequence[str],
    keywords: Sequence[Sequence[str]],
    store: VectorStore,
    model: RetrievalModel,
    tokenizer: Tokenizer,
) -> tuple[Vectors, npt.NDArray[np.int64]]:
    """Return the distinct encoded captions ``(T, D)``, and the row of each caption ``(M,)``.

    Args:
        captions: M captions.
        keywords: The keywords of each caption's image.
        store: The store of the model.
        model: The model; its image parts are not used.
        tokenizer: Its tokenizer.
    """
    pairs = zip(captions, keywords, strict=True)
    key = sha256_lines(
        line for caption, known in pairs for line in (caption, str(len(known)), *known)
    )[:32]
    vectors, rows = store.get(f"texts-{key}"), store.get(f"rows-{key}")
    if vectors is not None and rows is not None:
        return vectors, rows[:, 0].astype(np.int64)
    with store.one_builder():
        encoded, places = encode_distinct(model, tokenizer, captions, keywords)
        vectors = encoded.float().cpu().numpy()
        store.put(f"texts-{key}", vectors)
        # Exact in float32 up to 16 million captions.
        store.put(f"rows-{key}", places[:, None].astype(np.float32))
    return vectors, places.astype(np.int64, copy=False)

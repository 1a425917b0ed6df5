"""The mean of the prior, without the prior in memory."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.progress import progress
from rsitmd_tools.similarity.definitions import prepare
from rsitmd_tools.similarity.prior import Prior
from rsitmd_tools.similarity.rows import map_blocks

BLOCK = 1 << 19  # values whose mean is taken at once; a multiple of the buffer of numpy
MOST_PAIRS = 2_000_000_000  # of image and caption: 20 000 images with five captions each
SHORT = 2000  # images whose rows take a second


class AverageSimilarity(NamedTuple):
    """The mean of the prior of a dataset.

    Attributes:
        mean: The mean; None if no row has a value.
        averaged_images: Number of images whose rows were averaged, if they are a sample.
    """

    mean: float | None
    averaged_images: int | None = None

    def document(self) -> dict[str, Any]:
        """Return it for the statistics of a dataset."""
        sample = {} if self.averaged_images is None else {"averaged_images": self.averaged_images}
        return {"average_similarity": self.mean, **sample}


UNDEFINED = AverageSimilarity(None)


def average_similarity(dataset: Dataset, known: Prior | None = None) -> AverageSimilarity:
    """Return the mean of the ``reference`` prior without NaN rows.

    Without ``known``, the prior is computed row by row and never held whole. Its size grows with
    the square of the number of images. Beyond :data:`MOST_PAIRS` pairs, the rows of a random
    sample of the images are averaged, which is always the same.

    Args:
        dataset: Images and captions.
        known: The prior, if it was computed before; the mean is the same.
    """
    if known is not None:
        return AverageSimilarity(_mean(iter([np.asarray(known.values)])))
    images, captions = len(dataset), len(dataset.captions())
    if not images * captions:
        return UNDEFINED
    most = max(MOST_PAIRS // captions, 1)
    if images <= most:
        return AverageSimilarity(_mean(_rows(dataset, None)))
    return AverageSimilarity(_mean(_rows(dataset, _sample(images, most))), most)


def _sample(images: int, most: int) -> list[int]:
    return sorted(random.Random(0).sample(range(images), most))


def _rows(dataset: Dataset, sample: list[int] | None) -> Iterator[Any]:
    """Yield the rows of the prior, or of some images, in blocks, as float32."""
    total = len(dataset if sample is None else sample)
    similarity = prepare(dataset, "reference")
    with progress("similarity", total, short=SHORT) as step:
        for block in map_blocks(
            similarity, lambda _, block: block.astype("float32"), images=sample
        ):
            yield block
            step(len(block))


def _mean(rows: Iterator[Any]) -> float | None:
    total, count = np.float64(0), 0
    rest: Any = np.zeros(0, np.float32)  # values that do not fill a block yet
    for block in rows:
        finite = ~np.isnan(block[:, 0]) if block.size else np.zeros(len(block), bool)
        values = block.ravel() if finite.all() else block[finite].ravel()
        for start in range(0, len(values), BLOCK):
            part = values[start : start + BLOCK].astype(np.float32, copy=False)
            rest = np.concatenate([rest, part]) if len(rest) else part
            while len(rest) >= BLOCK:
                # The sum goes on from the last one, so that it has the bits of one sum of all
                # values, whatever the rows at once.
                total = np.add.reduce(rest[:BLOCK], dtype=np.float64, initial=total)
                count, rest = count + BLOCK, rest[BLOCK:]
    total = np.add.reduce(rest, dtype=np.float64, initial=total)
    count += len(rest)
    return float(total / count) if count else None

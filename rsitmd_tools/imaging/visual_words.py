"""Neighbours of images by visual words: candidates that may show one place.

Descriptors of keypoints are assigned to words of a vocabulary, which k-means makes from the
descriptors at hand. Images are compared by the cosine of their word counts, weighted by how rare a
word is. All pairs are compared, so the result does not change from run to run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from scipy import sparse

WORDS = 2048
SAMPLE = 60_000  # descriptors from which the vocabulary is made
ROUNDS = 8  # iterations of k-means
PER_IMAGE = 150  # descriptors of an image that are used, the strongest ones
BLOCK = 512  # images compared at once
ROWS = 8192  # descriptors assigned at once


def neighbours(
    descriptors: Sequence[npt.NDArray[np.uint8]], count: int, seed: int = 0
) -> list[tuple[int, int]]:
    """Return pairs of images with similar local features.

    Args:
        descriptors: ``(N, 128)`` uint8 for each image, the strongest first.
        count: Number of neighbours of each image.
        seed: Seed of the sample for the vocabulary.

    Returns:
        Pairs ``(i, j)`` with i < j, sorted.
    """
    strongest = [table[:PER_IMAGE] for table in descriptors]
    if sum(map(len, strongest)) == 0 or len(strongest) < 2:
        return []
    words = vocabulary(strongest, seed)
    table = _weighted_counts(strongest, words)
    return sorted(set(_nearest(table, count)))


def vocabulary(
    descriptors: Sequence[npt.NDArray[np.uint8]], seed: int = 0
) -> npt.NDArray[np.float32]:
    """Return the centres of k-means, ``(at most WORDS, 128)`` float32."""
    rng = np.random.default_rng(seed)
    total = sum(map(len, descriptors))
    everything = np.concatenate([table for table in descriptors if len(table)])
    chosen = rng.choice(total, min(SAMPLE, total), replace=False)
    sample = everything[np.sort(chosen)].astype(np.float32)
    centres = sample[rng.choice(len(sample), min(WORDS, len(sample)), replace=False)]
    for _ in range(ROUNDS):
        labels = assign(sample, centres)
        sizes = np.bincount(labels, minlength=len(centres))
        order = np.argsort(labels, kind="stable")
        used = np.flatnonzero(sizes)
        starts = np.concatenate([[0], np.cumsum(sizes[used])[:-1]])
        centres[used] = np.add.reduceat(sample[order], starts, axis=0) / sizes[used, None]
    return centres


def assign(
    descriptors: npt.NDArray[np.float32], centres: npt.NDArray[np.float32]
) -> npt.NDArray[np.intp]:
    """Return the index of the nearest centre of each descriptor."""
    half = (centres * centres).sum(axis=1) / 2
    labels = [
        (half - descriptors[start : start + ROWS] @ centres.T).argmin(axis=1)
        for start in range(0, len(descriptors), ROWS)
    ]
    return np.concatenate(labels) if labels else np.empty(0, np.intp)


def _weighted_counts(
    descriptors: Sequence[npt.NDArray[np.uint8]], words: npt.NDArray[np.float32]
) -> sparse.csr_array:
    """Return ``(images, words)``: square roots of counts times idf, rows of length 1."""
    rows = np.repeat(np.arange(len(descriptors)), [len(table) for table in descriptors])
    labels = assign(np.concatenate(descriptors).astype(np.float32), words)
    counts = sparse.coo_array(
        (np.ones(len(rows), np.float32), (rows, labels)), shape=(len(descriptors), len(words))
    ).tocsr()
    counts.sum_duplicates()
    counts.data = np.sqrt(counts.data)
    frequency = np.bincount(counts.indices, minlength=len(words))
    rarity = np.log(len(descriptors) / np.maximum(frequency, 1)).astype(np.float32)
    counts.data *= rarity[counts.indices]
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    scale = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    counts.data *= np.repeat(scale, np.diff(counts.indptr))
    return counts


def _nearest(table: sparse.csr_array, count: int) -> Iterator[tuple[int, int]]:
    transposed = table.T.tocsc()
    for start in range(0, table.shape[0], BLOCK):
        scores = (table[start : start + BLOCK] @ transposed).toarray()
        rows = np.arange(len(scores))
        scores[rows, rows + start] = -1.0
        kept = min(count, scores.shape[1] - 1)
        best = np.argpartition(-scores, kept - 1, axis=1)[:, :kept]
        for row, columns in enumerate(best):
            for column in columns:
                if scores[row, column] > 0:
                    i, j = row + start, int(column)
                    yield min(i, j), max(i, j)

"""Neighbours of images by visual words: candidates that may show one place.

Descriptors of keypoints are assigned to words of a vocabulary, which k-means makes from the
descriptors at hand. A word is coarse, so each descriptor also gets a signature of 64 bits inside
its word (Hamming embedding; Jegou, Douze and Schmid, ECCV 2008). Two images are neighbours by the
number of descriptors with equal words and similar signatures, weighted by how rare a word is. All
pairs are compared, so the result does not change from run to run.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

WORDS = 2048
PER_WORD = 100  # descriptors, at least: with few images, there are fewer words
SAMPLE = 60_000  # descriptors from which the vocabulary is made
ROUNDS = 8  # iterations of k-means
BITS = 64  # of a signature
# Measured on UCM-captions (docs/overlap.md): of 119 pairs of one place, 118 are among the 20
# nearest images. By counts of words without signatures, 104 of them are.
MAX_BITS = 18  # in which the signatures of similar descriptors may differ
BLOCK = 512  # images compared at once
ROWS = 8192  # descriptors assigned at once

Descriptors = npt.NDArray[np.uint8]


def neighbours(
    descriptors: Sequence[Descriptors],
    count: int,
    seed: int = 0,
    *,
    sides: Sequence[int] | None = None,
    threads: int | None = None,
) -> list[tuple[int, int]]:
    """Return pairs of images with similar local features.

    Images with equal descriptors share their neighbours, and each is paired with the first one of
    them: the work stays small if there are thousands.

    Args:
        descriptors: ``(N, 128)`` uint8 for each image.
        count: Number of neighbours of each image.
        seed: Seed of the sample for the vocabulary.
        sides: Number of each image's collection, if only images of different ones are compared.
        threads: Number of threads; one per core by default.

    Returns:
        Pairs ``(i, j)`` with i < j, sorted.
    """
    copies: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for place, table in enumerate(descriptors):
        if len(table):
            copies[0 if sides is None else sides[place], table.tobytes()].append(place)
    groups = list(copies.values())
    pairs = {(group[0], copy) for group in groups for copy in group[1:] if sides is None}
    if len(groups) > 1:
        leaders = [group[0] for group in groups]
        chosen = [descriptors[leader] for leader in leaders]
        labels = None if sides is None else np.asarray(sides)[leaders]
        for i, j in _Index(chosen, vocabulary(chosen, seed), labels).nearest(count, threads):
            for one, other in ((i, j), (j, i)):
                pairs.update(_ordered(leaders[one], copy) for copy in groups[other])
    return sorted(pairs)


def nearest_embeddings(
    embeddings: npt.NDArray[np.float32], count: int, *, sides: Sequence[int] | None = None
) -> list[tuple[int, int]]:
    """Return pairs of images with similar features of a backbone, by their cosine.

    Args:
        embeddings: ``(N, D)`` float32; a row of zeros has no neighbours.
        count: Number of neighbours of each image.
        sides: Number of each image's collection, if only images of different ones are compared.
    """
    lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
    table = np.divide(embeddings, lengths, out=np.zeros_like(embeddings), where=lengths > 0)
    labels = None if sides is None else np.asarray(sides)
    pairs = set()
    for start in range(0, len(table), BLOCK):
        scores = table[start : start + BLOCK] @ table.T
        for i, j in _best(scores, start, count, labels):
            pairs.add(_ordered(i, j))
    return sorted(pairs)


def _ordered(i: int, j: int) -> tuple[int, int]:
    return (i, j) if i < j else (j, i)


def _best(
    scores: npt.NDArray[Any], start: int, count: int, sides: npt.NDArray[Any] | None
) -> Iterator[tuple[int, int]]:
    """Yield the images from ``start`` on with those of the highest scores above 0."""
    rows = np.arange(len(scores))
    scores[rows, rows + start] = 0
    if sides is not None:
        scores[sides[start : start + len(scores), None] == sides] = 0
    # A full sort of each row takes several times as long as the scores.
    kth = min(count, scores.shape[1])
    least = -np.partition(-scores, kth - 1, axis=1)[:, kth - 1 : kth]
    row, column = np.nonzero((scores >= least) & (scores > 0))
    # Of equal scores, the earlier image is the nearer one.
    order = np.lexsort((column, -scores[row, column], row))
    row, column = row[order], column[order]
    rank = np.arange(len(row)) - np.searchsorted(row, row)
    near = rank < count
    yield from zip((row[near] + start).tolist(), column[near].tolist(), strict=True)


def vocabulary(descriptors: Sequence[Descriptors], seed: int = 0) -> npt.NDArray[np.float32]:
    """Return the centres of k-means, ``(at most WORDS, 128)`` float32."""
    rng = np.random.default_rng(seed)
    total = sum(map(len, descriptors))
    everything = np.concatenate([table for table in descriptors if len(table)])
    chosen = rng.choice(total, min(SAMPLE, total), replace=False)
    sample = everything[np.sort(chosen)].astype(np.float32)
    count = min(WORDS, max(1, total // PER_WORD))
    centres = sample[rng.choice(len(sample), count, replace=False)]
    for _ in range(ROUNDS):
        labels = assign(sample, centres)
        sizes = np.bincount(labels, minlength=len(centres))
        order = np.argsort(labels, kind="stable")
        used = np.flatnonzero(sizes)
        starts = np.concatenate([[0], np.cumsum(sizes[used])[:-1]])
        centres[used] = np.add.reduceat(sample[order], starts, axis=0) / sizes[used, None]
    return centres


def assign(
    descriptors: npt.NDArray[np.uint8] | npt.NDArray[np.float32], centres: npt.NDArray[np.float32]
) -> npt.NDArray[np.intp]:
    """Return the index of the nearest centre of each descriptor."""
    half = (centres * centres).sum(axis=1) / 2
    labels = [
        (half - descriptors[start : start + ROWS].astype(np.float32) @ centres.T).argmin(axis=1)
        for start in range(0, len(descriptors), ROWS)
    ]
    return np.concatenate(labels) if labels else np.empty(0, np.intp)


@dataclass(slots=True)
class _Word:
    """The descriptors of one word, in order of their images.

    Attributes:
        images: Index of the image of each descriptor.
        signatures: ``(N,)`` uint64.
        weight: Square of the word's inverse document frequency.
    """

    images: npt.NDArray[np.intp]
    signatures: npt.NDArray[np.uint64]
    weight: float


class _Index:
    """An inverted index of the descriptors of images."""

    def __init__(
        self,
        descriptors: Sequence[Descriptors],
        words: npt.NDArray[np.float32],
        sides: npt.NDArray[np.intp] | None,
    ) -> None:
        self._sides = sides
        self._sizes = np.array([len(table) for table in descriptors])
        flat = np.concatenate(descriptors)
        images = np.repeat(np.arange(len(descriptors)), self._sizes)
        labels = assign(flat, words)
        order = np.argsort(labels, kind="stable")
        ends = np.searchsorted(labels[order], np.arange(len(words) + 1))
        axes = _axes()
        self._words = []
        for start, end in pairwise(ends.tolist()):
            members = order[start:end]
            frequency = len(np.unique(images[members]))
            if frequency > 1:
                projected = flat[members].astype(np.float32) @ axes
                bits = np.packbits(projected > np.median(projected, axis=0), axis=1)
                weight = float(np.log(1 + len(descriptors) / frequency)) ** 2
                self._words.append(_Word(images[members], bits.view(np.uint64)[:, 0], weight))

    def nearest(self, count: int, threads: int | None = None) -> Iterator[tuple[int, int]]:
        """Yield each image with its ``count`` nearest ones."""
        total = len(self._sizes)
        scale = 1 / np.sqrt(np.maximum(self._sizes, 1))

        def of_block(start: int) -> list[tuple[int, int]]:
            scores = self._votes(start, min(start + BLOCK, total)) * scale
            return list(_best(scores, start, count, self._sides))

        # numpy releases the lock of the interpreter.
        with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
            for found in pool.map(of_block, range(0, total, BLOCK)):
                yield from found

    def _votes(self, start: int, end: int) -> npt.NDArray[np.float64]:
        """Return ``(end - start, images)``: weighted counts of similar descriptors."""
        total = len(self._sizes)
        votes = np.zeros((end - start) * total)
        for word in self._words:
            low, high = np.searchsorted(word.images, (start, end))
            if low == high:
                continue
            apart = np.bitwise_count(word.signatures[low:high, None] ^ word.signatures)
            own, other = np.nonzero(apart <= MAX_BITS)
            cells = (word.images[low + own] - start) * total + word.images[other]
            np.add.at(votes, cells, word.weight)
        return votes.reshape(end - start, total)


def _axes() -> npt.NDArray[np.float32]:
    """Return orthogonal directions on which descriptors are projected, ``(128, BITS)``."""
    random = np.random.default_rng(0).normal(size=(128, 128))
    return np.ascontiguousarray(np.linalg.qr(random)[0][:, :BITS], np.float32)

"""Neighbours of images by visual words: candidates that may show one place.

Descriptors of keypoints are assigned to words of a vocabulary, which k-means makes from the
descriptors at hand. A word is coarse, so each descriptor also gets a signature of 64 bits inside
its word (Hamming embedding; Jegou, Douze and Schmid, ECCV 2008). A descriptor between two words may
get the other one in another image, so each is compared with the descriptors of its nearest three.
Two images are neighbours by the number of descriptors with equal words and similar signatures. A
match counts more if its word is rare and its signatures are close, and less if the descriptor has
many matches: repeated patterns, such as roofs and furrows, would win otherwise (Jegou, Douze and
Schmid, On the burstiness of visual elements, CVPR 2009). All pairs are compared, so the result does
not change from run to run.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.progress import progress

WORDS = 2048
PER_WORD = 100  # descriptors, at least: with few images, there are fewer words
SAMPLE = 60_000  # descriptors from which the vocabulary is made
ROUNDS = 8  # iterations of k-means
BITS = 64  # of a signature
# Bits in which the signatures of similar descriptors may differ, and the standard deviation of the
# weight of a match by them. See docs/overlap.md, "Number of neighbours".
MAX_BITS = 22
SIGMA_BITS = 8
NEAREST_WORDS = 3  # with whose descriptors a descriptor is compared
BLOCK = 128  # images compared at once, at most
CELLS = 2**25  # scores that all threads have at once: a gigabyte, with their copies
SHORT = 1000  # images whose neighbours are found in a few seconds
ROWS = 256  # descriptors assigned at once: few, so that the distances stay in the cache

# Weight of a match by the number of bits that differ.
CLOSENESS = np.exp(-np.square(np.arange(MAX_BITS + 1)) / (2 * SIGMA_BITS**2))

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
    copies: dict[tuple[int, str], list[int]] = defaultdict(list)
    for place, table in enumerate(descriptors):
        if len(table):
            digest = sha256(table.tobytes()).hexdigest()
            copies[0 if sides is None else sides[place], digest].append(place)
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
        labels = assign(sample, centres)[:, 0]
        sizes = np.bincount(labels, minlength=len(centres))
        order = np.argsort(labels, kind="stable")
        used = np.flatnonzero(sizes)
        starts = np.concatenate([[0], np.cumsum(sizes[used])[:-1]])
        centres[used] = np.add.reduceat(sample[order], starts, axis=0) / sizes[used, None]
    return centres


def assign(
    descriptors: npt.NDArray[np.uint8] | npt.NDArray[np.float32],
    centres: npt.NDArray[np.float32],
    count: int = 1,
) -> npt.NDArray[np.intp]:
    """Return ``(N, count)`` indices of the nearest centres of each descriptor, nearest first."""
    half = (centres * centres).sum(axis=1) / 2
    labels = np.empty((len(descriptors), count), np.intp)
    for start in range(0, len(descriptors), ROWS):
        block = descriptors[start : start + ROWS].astype(np.float32)
        distances = half - block @ centres.T
        for place in range(count):
            nearest = distances.argmin(axis=1)
            labels[start : start + ROWS, place] = nearest
            distances[np.arange(len(block)), nearest] = np.inf
    return labels


@dataclass(slots=True)
class _Signed:
    """Descriptors in order of their images, with their signatures in one word.

    Attributes:
        images: Index of the image of each descriptor.
        signatures: ``(N,)`` uint64.
    """

    images: npt.NDArray[np.intp]
    signatures: npt.NDArray[np.uint64]


@dataclass(slots=True)
class _Word:
    """The descriptors of one word.

    Attributes:
        members: Those whose nearest word it is.
        near: Those that have it among their nearest words.
        weight: Square of the word's inverse document frequency.
    """

    members: _Signed
    near: _Signed
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
        labels = assign(flat, words, min(NEAREST_WORDS, len(words)))
        axes = _axes()
        self._words = []
        members_of = _by_word(labels[:, :1], len(words))
        for members, near in zip(members_of, _by_word(labels, len(words)), strict=True):
            frequency = len(np.unique(images[members]))
            if frequency and len(np.unique(images[near])) > 1:
                projected = flat[near].astype(np.float32) @ axes
                own = np.isin(near, members, assume_unique=True)
                above = projected > np.median(projected[own], axis=0)
                signatures = np.packbits(above, axis=1).view(np.uint64)[:, 0]
                weight = float(np.log(1 + len(descriptors) / frequency)) ** 2
                self._words.append(
                    _Word(
                        _Signed(images[near[own]], signatures[own]),
                        _Signed(images[near], signatures),
                        weight,
                    )
                )

    def nearest(self, count: int, threads: int | None = None) -> Iterator[tuple[int, int]]:
        """Yield each image with its ``count`` nearest ones."""
        total = len(self._sizes)
        scale = 1 / np.sqrt(np.maximum(self._sizes, 1))
        threads = threads or os.cpu_count() or 1
        block = min(BLOCK, max(16, CELLS // (total * threads)))

        def of_block(start: int) -> list[tuple[int, int]]:
            scores = self._votes(start, min(start + block, total)) * scale
            return list(_best(scores, start, count, self._sides))

        # numpy releases the lock of the interpreter.
        with (
            progress("find neighbours", total, short=SHORT) as step,
            ThreadPoolExecutor(threads) as pool,
        ):
            for start, found in enumerate(pool.map(of_block, range(0, total, block))):
                yield from found
                step(min(block, total - start * block))

    def _votes(self, start: int, end: int) -> npt.NDArray[np.float64]:
        """Return ``(end - start, images)``: weighted counts of similar descriptors."""
        # Imported here because numba takes 0.2 s.
        from rsitmd_tools.imaging.word_votes import add_votes

        votes = np.zeros((end - start, len(self._sizes)))
        buffer = np.empty(
            max((len(word.members.images) for word in self._words), default=0), np.uint8
        )
        for word in self._words:
            low, high = np.searchsorted(word.near.images, (start, end))
            add_votes(
                votes,
                word.near.images[low:high] - start,
                word.near.signatures[low:high],
                word.members.images,
                word.members.signatures,
                CLOSENESS,
                word.weight,
                buffer,
            )
        return votes


def _by_word(labels: npt.NDArray[np.intp], count: int) -> Iterator[npt.NDArray[np.intp]]:
    """Yield the rows of each label, in order."""
    order = np.argsort(labels, axis=None, kind="stable")
    ends = np.searchsorted(labels.ravel()[order], np.arange(count + 1))
    for start, end in pairwise(ends.tolist()):
        yield order[start:end] // labels.shape[1]


def _axes() -> npt.NDArray[np.float32]:
    """Return orthogonal directions on which descriptors are projected, ``(128, BITS)``."""
    random = np.random.default_rng(0).normal(size=(128, 128))
    return np.ascontiguousarray(np.linalg.qr(random)[0][:, :BITS], np.float32)

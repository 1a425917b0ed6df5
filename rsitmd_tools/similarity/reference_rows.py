"""The rows of the ``reference`` definition in NumPy, for datasets that are not large.

The same numbers as those of :mod:`rsitmd_tools.similarity.kernels`, bit by bit, because sums are
in the same order. A row takes several times as long, but nothing is compiled and numba is not
imported, which takes seconds in a new environment.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rsitmd_tools.similarity.arrays import Bleu, Floats, Ids, Overlap, Ragged, Shorts
from rsitmd_tools.similarity.rows import Fill

Flags = npt.NDArray[np.uint8]
Lengths = npt.NDArray[np.int64]


def numpy_filler(references: Ragged, overlap: Overlap, bleu: Bleu, shorts: Shorts) -> Fill:
    """Return a function with its own buffers that fills rows; see ``kernels.reference_rows``."""
    share = np.zeros(len(overlap.postings.starts) - 1)
    present = np.zeros(bleu.kinds, np.uint8)
    lengths = np.diff(bleu.starts.astype(np.int64))

    def fill(first: int, out: Floats) -> None:
        for k, row in enumerate(out, first):
            own = references.values[references.starts[k] : references.starts[k + 1]]
            if not overlap.counts[own].any():
                row[:] = np.nan
                continue
            _set_overlap(row, 0.5, own, overlap, share)
            _add_bleu(row, 0.5, own, bleu, lengths, present)
            for group in np.unique(shorts.groups[own]).tolist():
                row[_list(shorts.members, group)] += 0.5
            np.minimum(row, 1.0, out=row)

    return fill


def _list(lists: Ragged, k: int) -> Ids:
    return lists.values[lists.starts[k] : lists.starts[k + 1]]


def _set_overlap(row: Floats, weight: float, own: Ids, overlap: Overlap, share: Floats) -> None:
    """Set row[c] = weight * score2(c)."""
    counts = overlap.counts[own].astype(np.float64)
    having = np.count_nonzero(counts)
    words = [_list(overlap.words, reference) for reference in own.tolist()]
    for of_reference, count in zip(words, counts.tolist(), strict=True):
        # A word is once in the list of a caption.
        share[of_reference] += weight / (having * count) if count else 0.0
    table = np.zeros(256)
    for bit in range(8):
        table[1 << bit : 2 << bit] = table[: 1 << bit] + share[bit]
    np.take(table, overlap.patterns, out=row)
    for word in dict.fromkeys(np.concatenate(words).tolist()):
        if word >= 8:
            row[_list(overlap.postings, word)] += share[word]
        share[word] = 0.0


def _add_bleu(
    row: Floats, weight: float, own: Ids, bleu: Bleu, lengths: Lengths, present: Flags
) -> None:
    """Add weight * BLEU-4(c, references) to the captions with a common 4-gram."""
    grams = np.concatenate([bleu.grams[bleu.starts[r] : bleu.starts[r + 1]] for r in own.tolist()])
    fours = np.unique(grams[:, 3])
    fours = fours[fours > 0] - bleu.first_four
    if not len(fours):
        return
    shared = [_list(bleu.postings, four) for four in fours.tolist()]
    captions, matches = np.unique(np.concatenate(shared), return_counts=True)
    present[grams[:, :3]] = 1
    present[0] = 0  # the end of a caption is never a match
    n = lengths[captions]
    first = np.cumsum(n) - n
    at = np.arange(n.sum()) + np.repeat(bleu.starts[captions] - first, n)
    ones, twos, threes = np.add.reduceat(present[bleu.grams[at, :3]].astype(np.int64), first).T
    present[grams[:, :3]] = 0
    precision = (ones / n) * (twos / (n - 1)) * (threes / (n - 2)) * (matches / (n - 3))
    distinct, of_caption = np.unique(n, return_inverse=True)
    penalty = np.array([_penalty(length, lengths[own].tolist()) for length in distinct.tolist()])
    row[captions] += weight * penalty[of_caption] * np.sqrt(np.sqrt(precision))


def _penalty(length: int, references: list[int]) -> float:
    """Return the brevity penalty: 1, or exp(1 - r / length) below r, the closest length."""
    closest = min(references, key=lambda other: (abs(other - length), other))
    return 1.0 if length >= closest else math.exp(1.0 - closest / length)

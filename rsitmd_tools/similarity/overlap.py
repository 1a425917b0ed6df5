"""The overlap of words: the second half of the ``reference`` definition."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rsitmd_tools.similarity.index import Captions, Ids, Ragged

COMMON = 8


class Overlap(NamedTuple):
    """Which words captions have, stop words left out.

    Attributes:
        words: The distinct words of each caption, the commonest word being 0.
        counts: ``(M,)``, how many words each caption has, repeats counted.
        patterns: ``(M,)``, which of the words 0 to 7 a caption has, a bit each.
        postings: The captions that have each word.
    """

    words: Ragged
    counts: Ids
    patterns: npt.NDArray[np.uint8]
    postings: Ragged


class OverlapBuffers(NamedTuple):
    """What the kernel keeps for one row; all zero between rows.

    Attributes:
        share: What each word adds to the captions that have it.
        table: What each set of the words 0 to 7 adds.
    """

    share: npt.NDArray[np.float64]
    table: npt.NDArray[np.float64]


def index_overlap(captions: Captions, stop_words: Collection[str]) -> Overlap:
    """Index captions by their words."""
    total = len(captions.words.starts) - 1
    # At least COMMON words, so that the kernel need not ask.
    size = max(len(captions.vocabulary), COMMON)
    counted = np.array([word not in stop_words for word in captions.vocabulary], dtype=bool)
    left = counted[captions.words.values]
    owners = captions.words.owners[left]
    pairs = np.unique(owners.astype(np.int64) * size + captions.words.values[left])
    owner, word = pairs // size, pairs % size
    rank = np.empty(size, np.uint32)
    rank[np.argsort(-np.bincount(word, minlength=size), kind="stable")] = np.arange(size)
    words = Ragged.of_lengths(np.bincount(owner, minlength=total), rank[word])
    patterns = np.zeros(total, np.uint8)
    common = words.values < COMMON
    bits = np.left_shift(1, words.values[common]).astype(np.uint8)
    np.bitwise_or.at(patterns, words.owners[common], bits)
    return Overlap(
        words,
        np.bincount(owners, minlength=total).astype(np.uint32),
        patterns,
        words.inverted(size),
    )


def overlap_buffers(overlap: Overlap) -> OverlapBuffers:
    """Make the buffers of one thread."""
    words = len(overlap.postings.starts) - 1
    return OverlapBuffers(np.zeros(words), np.zeros(1 << COMMON))

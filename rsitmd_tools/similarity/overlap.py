"""The overlap of words: the second half of the ``reference`` definition."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from rsitmd_tools.similarity.arrays import (
    Overlap,
    OverlapBuffers,
    Ragged,
)
from rsitmd_tools.similarity.index import Captions

COMMON = 8


def index_overlap(captions: Captions, stop_words: Collection[str]) -> Overlap:
    """Index captions by their words."""
    total = len(captions.words.starts) - 1
    # At least COMMON words, so that the kernel does not have to check.
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
    """Create the buffers of one thread."""
    words = len(overlap.postings.starts) - 1
    return OverlapBuffers(np.zeros(words), np.zeros(1 << COMMON))

"""BLEU of every caption against the captions of every image."""

from __future__ import annotations

import numpy as np

from rsitmd_tools.similarity.arrays import (
    Bleu,
    BleuBuffers,
)
from rsitmd_tools.similarity.index import Captions, ngrams, number_repeats, words_left

ORDERS = 4


def index_bleu(captions: Captions) -> Bleu:
    """Index captions by their n-grams."""
    words = captions.words
    left = words_left(words)
    grams = np.zeros((len(words.values), ORDERS), np.uint32)
    kinds = 1
    for order, (lists, count) in enumerate(ngrams(words, len(captions.vocabulary), ORDERS)):
        first = kinds
        lists, count = number_repeats(lists, count)
        grams[left > order, order] = lists.values + np.uint32(first)
        kinds += count
    return Bleu(words.starts, grams, kinds, first, lists.inverted(count))


def bleu_buffers(bleu: Bleu) -> BleuBuffers:
    """Create the buffers of one thread."""
    captions = len(bleu.starts) - 1
    longest = int(np.diff(bleu.starts).max(initial=0))
    return BleuBuffers(
        np.zeros(bleu.kinds, np.uint8),
        np.zeros(captions, np.uint32),
        np.zeros(captions, np.uint32),
        np.zeros(longest + 1),
    )

"""BLEU of every caption against the captions of every image."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rsitmd_tools.similarity.index import Captions, Ids, Ragged, ngrams, number_repeats, words_left

ORDERS = 4


class Bleu(NamedTuple):
    """The n-grams of captions, repeats numbered.

    Attributes:
        starts: ``(M + 1,)``, where each caption begins in ``grams``.
        grams: ``(T, 4)``, the n-grams of orders 1 to 4 that begin at each token; 0 where
            the caption ends before the n-gram does.
        kinds: How many different n-grams there are, the 0 included.
        first_four: From it on they are 4-grams.
        postings: The captions that have each 4-gram.
    """

    starts: Ids
    grams: Ids
    kinds: int
    first_four: int
    postings: Ragged


class BleuBuffers(NamedTuple):
    """What the kernel keeps for one row; all zero between rows.

    Attributes:
        present: Whether an n-gram is in the references.
        fours: How many 4-grams each caption shares with them.
        found: The captions that share any.
        penalty: The brevity penalty of each caption length.
    """

    present: npt.NDArray[np.uint8]
    fours: Ids
    found: Ids
    penalty: npt.NDArray[np.float64]


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
    """Make the buffers of one thread."""
    captions = len(bleu.starts) - 1
    longest = int(np.diff(bleu.starts).max(initial=0))
    return BleuBuffers(
        np.zeros(bleu.kinds, np.uint8),
        np.zeros(captions, np.uint32),
        np.zeros(captions, np.uint32),
        np.zeros(longest + 1),
    )

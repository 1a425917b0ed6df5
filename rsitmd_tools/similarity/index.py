"""Captions as integers, for the kernels.

Repeats are numbered: the second "tree" of a caption is a different feature from the first.
The number of features that two captions share is then their clipped count of matches, and a
kernel only needs a set of flags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from rsitmd_tools.similarity.arrays import (
    Ids,
    Ragged,
)
from rsitmd_tools.text.tokens import tokenize


@dataclass(frozen=True, slots=True)
class Captions:
    """The captions of N images, M in all, as sequences of word ids.

    Attributes:
        vocabulary: Word of each id.
        words: Word ids of each caption.
        references: Captions of each image.
    """

    vocabulary: list[str]
    words: Ragged
    references: Ragged

    def distinct(self) -> tuple[Captions, Ids]:
        """Return the distinct captions, and for each caption the index of its distinct one."""
        ends = self.words.starts[1:].tolist()
        values = self.words.values.tolist()
        known: dict[tuple[int, ...], int] = {}
        columns = np.empty(len(ends), np.uint32)
        first = 0
        for caption, end in enumerate(ends):
            columns[caption] = known.setdefault(tuple(values[first:end]), len(known))
            first = end
        words = Ragged.of_lists(list(known))
        references = Ragged(self.references.starts, columns[self.references.values])
        return Captions(self.vocabulary, words, references), columns


def index_captions(
    captions_by_image: Sequence[Sequence[str]], normalise: Callable[[str], str]
) -> Captions:
    """Number the words of all captions.

    Args:
        captions_by_image: The captions of each image.
        normalise: Function from a token to the word to be compared, such as its stem.
    """
    vocabulary: dict[str, int] = {}
    ids: dict[str, int] = {}
    by_text: dict[str, list[int]] = {}
    for text in chain.from_iterable(captions_by_image):
        if text not in by_text:
            tokens = tokenize(text)
            for token in tokens:
                if token not in ids:
                    ids[token] = vocabulary.setdefault(normalise(token), len(vocabulary))
            by_text[text] = [ids[token] for token in tokens]
    words = [by_text[text] for text in chain.from_iterable(captions_by_image)]
    counts = np.array([len(captions) for captions in captions_by_image], dtype=np.int64)
    references = Ragged.of_lengths(counts, np.arange(len(words)))
    return Captions(list(vocabulary), Ragged.of_lists(words), references)


def number_repeats(lists: Ragged, size: int, *, from_end: bool = False) -> tuple[Ragged, int]:
    """Give the repeats of a value in a list new values.

    Args:
        lists: Lists of values below ``size``.
        size: Number of values.
        from_end: Count from the end of each list instead of from its start.

    Returns:
        The lists with a new value for each second, third, ... occurrence, and the new number
        of values.
    """
    earlier = _count_earlier(lists, size, from_end)
    repeated = np.flatnonzero(earlier)
    most = int(earlier.max(initial=0)) + 1
    keys = lists.values[repeated].astype(np.int64) * most + earlier[repeated]
    distinct, new = np.unique(keys, return_inverse=True)
    values = lists.values.copy()
    values[repeated] = size + new
    return Ragged(lists.starts, values), size + len(distinct)


def _count_earlier(lists: Ragged, size: int, from_end: bool) -> Ids:
    """Count the earlier (or later) occurrences of each value in its list."""
    lengths, starts = lists.lengths, lists.starts.astype(np.int64)
    owners = lists.owners.astype(np.int64)
    places = np.arange(len(owners)) - starts[owners]
    if from_end:
        places = lengths[owners] - 1 - places
    longest = int(lengths.max(initial=1)) or 1
    # One number each, since NumPy sorts numbers much faster than it sorts their positions.
    # It fits 64 bits: captions times longest caption are far below 2**31.
    keys = np.sort((owners * size + lists.values) * longest + places)
    kinds = keys // longest
    again = np.flatnonzero(kinds[1:] == kinds[:-1]) + 1
    owners, places = kinds[again] // max(size, 1), keys[again] % longest
    if from_end:
        places = lengths[owners] - 1 - places
    earlier = np.zeros(len(keys), np.uint32)
    earlier[starts[owners] + places] = again - np.searchsorted(kinds, kinds[again])
    return earlier


def ngrams(words: Ragged, size: int, orders: int) -> list[tuple[Ragged, int]]:
    """Number the n-grams of every list, order by order.

    Returns:
        For each order 1 to ``orders``: the ids of the n-grams of each list, in order, and the
        number of different n-grams.
    """
    left = words_left(words)
    grams = words.values.astype(np.int64)
    result = [(words, size)]
    for order in range(2, orders + 1):
        # An n-gram consists of the (n-1)-gram at its start and the word at its end.
        here = np.flatnonzero(left >= order)
        distinct, ids = np.unique(
            grams[here] * size + words.values[here + order - 1], return_inverse=True
        )
        grams[here] = ids
        lengths = np.maximum(words.lengths - (order - 1), 0)
        result.append((Ragged.of_lengths(lengths, ids), len(distinct)))
    return result


def words_left(words: Ragged) -> npt.NDArray[np.integer]:
    """Return for each value the number of values from it to the end of its list."""
    ends = np.repeat(words.starts[1:].astype(np.int64), words.lengths)
    return ends - np.arange(len(words.values))

"""The known words that are similar to an unknown one, as SymSpell finds them.

SymSpell makes an index of all deletions of all words. That takes seconds, for a few typos. Here
arrays leave out the words that cannot be similar, and SymSpell's distance decides on the others.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from symspellpy.suggest_item import SuggestItem

PREFIX = 6  # characters of a word whose deletions SymSpell compares
LETTERS = 32  # characters are counted by their last five bits
MANY = 100  # so that differences of counts fit into eight bits


class SimilarWords:
    """Words with their counts, searched by edit distance (a swap of neighbours is one edit).

    Args:
        counts: Known words, and how often each is used.
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = counts
        self._words = sorted(counts, key=len)
        lengths = np.array([len(word) for word in self._words], np.int64)
        # The first word of each length.
        self._starts = np.searchsorted(lengths, np.arange(lengths.max(initial=0) + 2))
        self._letters = _letters(self._words, lengths)
        self._present = _present(self._letters)

    def closest(self, word: str, distance: int) -> list[SuggestItem]:
        """Return the words with the fewest edits, all of them if there are several.

        Args:
            word: A word that is not known.
            distance: Most edits.
        """
        from symspellpy.editdistance import DistanceAlgorithm, EditDistance
        from symspellpy.suggest_item import SuggestItem

        compare = EditDistance(DistanceAlgorithm.DAMERAU_OSA).compare
        for edits in range(1, distance + 1):
            found = [
                SuggestItem(term, edits, self._counts[term])
                for term in self._candidates(word, edits)
                if compare(word, term, edits) == edits
            ]
            if found:
                return sorted(found)
        return []

    def _candidates(self, word: str, edits: int) -> list[str]:
        """Return the known words that can be within a number of edits of a word."""
        letters = _letters([word], np.array([len(word)]))
        last = len(self._starts) - 1
        lengths = (max(len(word) - edits, 0), len(word) + edits + 1)
        start, end = (int(self._starts[min(length, last)]) for length in lengths)
        # An edit adds a letter, removes one, or does both.
        different = np.bitwise_count(self._present[start:end] ^ _present(letters))
        near = np.flatnonzero(different <= 2 * edits) + start
        near = near[np.abs(self._letters[near] - letters).sum(axis=1) <= 2 * edits]
        words = [self._words[index] for index in near.tolist()]
        common = np.isin(_deletions(words, edits), _deletions([word], edits))
        rows = np.flatnonzero(np.any(common, axis=1))
        return [words[row] for row in rows.tolist()]


def _letters(words: Sequence[str], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    """Return how often each word has each letter, ``(N, 32) int8``."""
    codes = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), np.uint32)
    places = np.repeat(np.arange(len(words)) * LETTERS, lengths) + codes % LETTERS
    counts = np.bincount(places, minlength=len(words) * LETTERS)
    return np.minimum(counts, MANY).astype(np.int8).reshape(-1, LETTERS)


def _present(letters: npt.NDArray[np.int8]) -> npt.NDArray[np.uint32]:
    """Return which letters each word has, as bits, ``(N,) uint32``."""
    bits = np.packbits(letters > 0, axis=1)
    return bits.view(np.uint32)[:, 0]


def _deletions(words: Sequence[str], edits: int) -> npt.NDArray[np.uint64]:
    """Return the prefixes of words without some characters, as numbers, ``(N, K) uint64``.

    A character counts by its last eight bits. Different texts can have one number, so that some
    words too many are compared, but none too few.
    """
    padded = np.array([word[:PREFIX] for word in words], f"U{PREFIX}")
    codes = padded.view(np.uint32).reshape(len(words), PREFIX).astype(np.uint64) & np.uint64(255)
    numbers: npt.NDArray[np.uint64] = codes @ _places(edits)
    return numbers


@functools.cache
def _places(edits: int) -> npt.NDArray[np.uint64]:
    """Return the value of each character in each number of :func:`_deletions`, ``(PREFIX, K)``."""
    kept = [
        positions
        for left in range(PREFIX - edits, PREFIX + 1)
        for positions in itertools.combinations(range(PREFIX), left)
    ]
    values = np.zeros((PREFIX, len(kept)), np.uint64)
    for column, positions in enumerate(kept):
        for place, position in enumerate(positions):
            values[position, column] = 256**place
    return values

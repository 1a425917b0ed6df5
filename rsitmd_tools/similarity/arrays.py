"""Arrays that the kernels read, and the buffers they write.

Each type is a named tuple of NumPy arrays, because numba supports these without conversion.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

# Unsigned, so that a kernel does not check for negative indices. That check takes a third of
# its time.
Ids: TypeAlias = npt.NDArray[np.uint32]
Floats: TypeAlias = npt.NDArray[np.float64]


class Ragged(NamedTuple):
    """Concatenated lists of ids: list ``i`` is ``values[starts[i]:starts[i + 1]]``."""

    starts: Ids
    values: Ids

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Length of each list."""
        return np.diff(self.starts.astype(np.int64))

    @property
    def owners(self) -> Ids:
        """Index of the list of each value."""
        lengths = self.lengths
        return np.repeat(np.arange(len(lengths), dtype=np.uint32), lengths)

    @classmethod
    def of_lengths(
        cls, lengths: npt.NDArray[np.integer], values: npt.NDArray[np.integer]
    ) -> Ragged:
        """Divide values into lists of these lengths."""
        starts = np.zeros(len(lengths) + 1, np.uint32)
        np.cumsum(lengths, out=starts[1:])
        return cls(starts, values.astype(np.uint32, copy=False))

    @classmethod
    def of_lists(cls, lists: Sequence[Sequence[int]]) -> Ragged:
        """Concatenate lists."""
        lengths = np.array([len(entry) for entry in lists], dtype=np.int64)
        return cls.of_lengths(lengths, np.fromiter(chain.from_iterable(lists), np.uint32))

    def inverted(self, size: int) -> Ragged:
        """Return for each value below ``size`` the lists that contain it, in order."""
        # A stable sort of 16-bit numbers is a radix sort.
        keys = self.values.astype(np.uint16) if size <= 1 << 16 else self.values
        order = np.argsort(keys, kind="stable")
        return Ragged.of_lengths(np.bincount(self.values, minlength=size), self.owners[order])


class Bleu(NamedTuple):
    """The n-grams of captions, with numbered repeats.

    Attributes:
        starts: ``(M + 1,)``, start of each caption in ``grams``.
        grams: ``(T, 4)``, the n-grams of orders 1 to 4 that begin at each token; 0 if the
            caption ends before the n-gram does.
        kinds: Number of different n-grams, including the 0.
        first_four: Id of the first 4-gram.
        postings: Captions that contain each 4-gram.
    """

    starts: Ids
    grams: Ids
    kinds: int
    first_four: int
    postings: Ragged


class BleuBuffers(NamedTuple):
    """Buffers of the kernel for one row; all zero between rows.

    Attributes:
        present: Whether an n-gram is in the references.
        fours: Number of 4-grams that each caption shares with the references.
        found: Captions that share at least one 4-gram.
        penalty: Brevity penalty of each caption length.
    """

    present: npt.NDArray[np.uint8]
    fours: Ids
    found: Ids
    penalty: npt.NDArray[np.float64]


class Meteor(NamedTuple):
    """The words of captions and their stems, with repeats numbered from the end.

    Attributes:
        starts: ``(D + 1,)``, start of each caption in the three arrays below.
        words: Words, with numbered repeats.
        stems: Stems, with numbered repeats.
        plain_stems: Stems, with equal repeats; 0 if no other word has that stem or is a
            synonym, so that only the exact stage can pair the word.
        kinds: Number of different words, and of different stems.
        synonyms: Synonyms of each stem among the stems; empty without WordNet.
    """

    starts: Ids
    words: Ids
    stems: Ids
    plain_stems: Ids
    kinds: tuple[int, int]
    synonyms: Ragged


class MeteorBuffers(NamedTuple):
    """Buffers of the kernel for one reference; all zero between references.

    A place is a position in the reference, counted from 2. 0 means no place.

    Attributes:
        place: Place of each word.
        stemmed: Whether the reference contains each stem.
        tail: Last place of each plain stem.
        before: For each place, the previous place of the same plain stem.
        link: Place that each word of a caption is paired with.
        left: Words of a caption that the exact stage did not pair.
    """

    place: npt.NDArray[np.int32]
    stemmed: npt.NDArray[np.uint8]
    tail: npt.NDArray[np.int32]
    before: npt.NDArray[np.int32]
    link: npt.NDArray[np.int32]
    left: npt.NDArray[np.int32]


class Overlap(NamedTuple):
    """The words of captions without stop words.

    Attributes:
        words: Distinct words of each caption; 0 is the most frequent word.
        counts: ``(M,)``, number of words of each caption, including repeats.
        patterns: ``(M,)``, which of the words 0 to 7 a caption contains, one bit each.
        postings: Captions that contain each word.
    """

    words: Ragged
    counts: Ids
    patterns: npt.NDArray[np.uint8]
    postings: Ragged


class OverlapBuffers(NamedTuple):
    """Buffers of the kernel for one row; all zero between rows.

    Attributes:
        share: Amount that each word adds to the captions that contain it.
        table: Amount that each subset of the words 0 to 7 adds.
    """

    share: npt.NDArray[np.float64]
    table: npt.NDArray[np.float64]


class Shorts(NamedTuple):
    """Groups of equal captions that are too short for a 4-gram.

    Attributes:
        groups: ``(M,)``, group of each caption; 0 for longer captions.
        members: Captions of each group; group 0 is empty.
    """

    groups: Ids
    members: Ragged

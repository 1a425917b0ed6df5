"""Arrays that the kernels read, and the buffers they write.

Each type is a named tuple of NumPy arrays, the only structure that numba takes as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

# Unsigned, so that a kernel does not test whether an index counts from the end. That test takes
# a third of its time.
Ids: TypeAlias = npt.NDArray[np.uint32]
Floats: TypeAlias = npt.NDArray[np.float64]


class Ragged(NamedTuple):
    """Lists of ids end to end: list ``i`` is ``values[starts[i]:starts[i + 1]]``."""

    starts: Ids
    values: Ids

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """How long each list is."""
        return np.diff(self.starts.astype(np.int64))

    @property
    def owners(self) -> Ids:
        """For each value, the list it is in."""
        lengths = self.lengths
        return np.repeat(np.arange(len(lengths), dtype=np.uint32), lengths)

    @classmethod
    def of_lengths(
        cls, lengths: npt.NDArray[np.integer], values: npt.NDArray[np.integer]
    ) -> Ragged:
        """Cut values into lists of these lengths."""
        starts = np.zeros(len(lengths) + 1, np.uint32)
        np.cumsum(lengths, out=starts[1:])
        return cls(starts, values.astype(np.uint32, copy=False))

    @classmethod
    def of_lists(cls, lists: Sequence[Sequence[int]]) -> Ragged:
        """Lay lists end to end."""
        lengths = np.array([len(entry) for entry in lists], dtype=np.int64)
        return cls.of_lengths(lengths, np.fromiter(chain.from_iterable(lists), np.uint32))

    def inverted(self, size: int) -> Ragged:
        """Return for each value below ``size`` the lists that hold it, in order."""
        # A stable sort of 16-bit numbers is a radix sort.
        keys = self.values.astype(np.uint16) if size <= 1 << 16 else self.values
        order = np.argsort(keys, kind="stable")
        return Ragged.of_lengths(np.bincount(self.values, minlength=size), self.owners[order])


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


class Meteor(NamedTuple):
    """The words of captions and their stems, repeats numbered from the end.

    Attributes:
        starts: ``(D + 1,)``, where each caption begins in the three arrays below.
        words: The words, repeats numbered.
        stems: The stems, repeats numbered.
        plain_stems: The stems, repeats alike; 0 where no other word has that stem or is a
            synonym, so that what the exact stage left over stays so.
        kinds: How many different words there are, and how many different stems.
        synonyms: Of each stem the stems that are synonyms; empty without WordNet.
    """

    starts: Ids
    words: Ids
    stems: Ids
    plain_stems: Ids
    kinds: tuple[int, int]
    synonyms: Ragged


class MeteorBuffers(NamedTuple):
    """What the kernel keeps for one reference; all zero between references.

    A place is a position in the reference, counted from 2; 0 is no place.

    Attributes:
        place: Where each word stands.
        stemmed: Whether each stem stands in it.
        tail: The last place of each plain stem.
        before: For each place, the place before it of the same plain stem.
        link: The place that each word of a caption is paired with.
        left: The words of a caption that the exact stage left over.
    """

    place: npt.NDArray[np.int32]
    stemmed: npt.NDArray[np.uint8]
    tail: npt.NDArray[np.int32]
    before: npt.NDArray[np.int32]
    link: npt.NDArray[np.int32]
    left: npt.NDArray[np.int32]


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


class Shorts(NamedTuple):
    """Which captions too short for a 4-gram are equal.

    Attributes:
        groups: ``(M,)``, the group of equal captions each is in; 0 for longer ones.
        members: The captions of each group; none in group 0.
    """

    groups: Ids
    members: Ragged

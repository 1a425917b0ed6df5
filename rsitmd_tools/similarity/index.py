"""Captions as integers: n-grams, inverted lists and references, ready for a kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rsitmd_tools.similarity.tokens import stems, stop_words

Ints: TypeAlias = npt.NDArray[np.int32]
ORDERS = 4


@dataclass(frozen=True, slots=True)
class Ragged:
    """Lists of integers end to end: list ``i`` is ``values[starts[i]:starts[i + 1]]``."""

    starts: Ints
    values: Ints

    @classmethod
    def of(cls, lists: Sequence[Sequence[int]]) -> Ragged:
        """Lay lists end to end."""
        starts = np.zeros(len(lists) + 1, np.int32)
        np.cumsum([len(entry) for entry in lists], out=starts[1:])
        flat = [value for entry in lists for value in entry]
        return cls(starts, np.array(flat, dtype=np.int32))

    def inverted(self, size: int) -> Ragged:
        """Return for each value below ``size`` the lists that hold it, in order."""
        owners = np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))
        order = np.argsort(self.values, kind="stable")
        starts = np.zeros(size + 1, np.int32)
        np.cumsum(np.bincount(self.values, minlength=size), out=starts[1:])
        return Ragged(starts, owners[order])


@dataclass(frozen=True, slots=True)
class Index:
    """Distinct captions and images over integer ids.

    A caption is distinct by its stems: equal stems have equal similarities.

    Attributes:
        columns: ``(M,)``, the distinct caption of each caption line.
        lengths: ``(D,)``, tokens of each distinct caption.
        grams: For each order 1 to 4 the distinct n-grams of each distinct caption.
        counts: Beside ``grams.values``, how often the caption has each of them.
        gram_totals: For each order, how many different n-grams there are.
        words: The distinct stems of each distinct caption that are no stop words.
        word_counts: ``(D,)``, how many of its stems are no stop words, repeats counted.
        word_total: How many different such stems there are.
        references: The distinct captions of each image, in order.
    """

    columns: Ints
    lengths: Ints
    grams: tuple[Ragged, ...]
    counts: tuple[Ints, ...]
    gram_totals: tuple[int, ...]
    words: Ragged
    word_counts: Ints
    word_total: int
    references: Ragged


def build_index(captions_by_image: Sequence[Sequence[str]]) -> Index:
    """Index the captions of images; columns are all captions in order."""
    by_text: dict[str, int] = {}
    by_stems: dict[tuple[str, ...], int] = {}
    for captions in captions_by_image:
        for text in captions:
            if text not in by_text:
                by_text[text] = by_stems.setdefault(stems(text), len(by_stems))
    distinct = list(by_stems)
    grams, counts, totals = [], [], []
    for order in range(1, ORDERS + 1):
        ragged, beside, total = _counted([_ngrams(caption, order) for caption in distinct])
        grams.append(ragged)
        counts.append(beside)
        totals.append(total)
    stop = stop_words()
    content = [tuple(s for s in caption if s not in stop) for caption in distinct]
    words, _, word_total = _counted(content)
    references = [[by_text[text] for text in captions] for captions in captions_by_image]
    return Index(
        columns=np.array([column for row in references for column in row], np.int32),
        lengths=np.array([len(caption) for caption in distinct], np.int32),
        grams=tuple(grams),
        counts=tuple(counts),
        gram_totals=tuple(totals),
        words=words,
        word_counts=np.array([len(caption) for caption in content], np.int32),
        word_total=word_total,
        references=Ragged.of(references),
    )


def _ngrams(caption: tuple[str, ...], order: int) -> Sequence[Hashable]:
    return list(zip(*(caption[k:] for k in range(order)), strict=False))


def _counted(captions: Sequence[Sequence[Hashable]]) -> tuple[Ragged, Ints, int]:
    """Give every part of every caption an id; return ids, counts beside them, and how many."""
    ids: dict[Hashable, int] = {}
    lists: list[list[int]] = []
    counts: list[int] = []
    for caption in captions:
        counted = Counter(caption)
        lists.append([ids.setdefault(part, len(ids)) for part in counted])
        counts.extend(counted.values())
    return Ragged.of(lists), np.array(counts, dtype=np.int32), len(ids)

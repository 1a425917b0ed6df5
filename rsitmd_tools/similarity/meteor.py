"""METEOR of every caption against the captions of every image."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from rsitmd_tools.similarity.arrays import (
    Meteor,
    MeteorBuffers,
    Ragged,
)
from rsitmd_tools.similarity.index import Captions, number_repeats
from rsitmd_tools.text.tokens import stem

Synonyms = Callable[[str], Collection[str]]


def index_meteor(captions: Captions, synonyms: Synonyms | None) -> Meteor:
    """Index captions by words and stems.

    Args:
        captions: Captions of lower-cased words.
        synonyms: Function from a word to its synonyms; None omits that stage.
    """
    # 0 is reserved for stems that only the exact stage can pair.
    ids: dict[str, int] = {}
    of_word = [ids.setdefault(stem(word), len(ids) + 1) for word in captions.vocabulary]
    stems = np.array(of_word, dtype=np.uint32)
    related = _relate(ids, synonyms)
    words = captions.words
    exact, word_kinds = number_repeats(words, len(stems), from_end=True)
    numbered, stem_kinds = number_repeats(
        Ragged(words.starts, stems[words.values]), len(ids) + 1, from_end=True
    )
    if synonyms is None:
        stems[np.bincount(stems, minlength=1)[stems] == 1] = 0
    return Meteor(
        words.starts,
        exact.values,
        numbered.values,
        stems[words.values],
        (word_kinds, stem_kinds),
        related,
    )


def meteor_buffers(meteor: Meteor) -> MeteorBuffers:
    """Create the buffers of one thread."""
    longest = int(np.diff(meteor.starts).max(initial=0))
    return MeteorBuffers(
        np.zeros(meteor.kinds[0], np.int32),
        np.zeros(meteor.kinds[1], np.uint8),
        np.zeros(meteor.kinds[1], np.int32),
        np.zeros(longest + 2, np.int32),
        np.zeros(longest, np.int32),
        np.zeros(longest, np.int32),
    )


def _relate(ids: dict[str, int], synonyms: Synonyms | None) -> Ragged:
    """Return the synonyms of each stem among the other stems."""
    lists: list[list[int]] = [[] for _ in range(len(ids) + 1)]
    if synonyms is not None:
        for word, own in ids.items():
            lists[own] = sorted({ids[name] for name in synonyms(word) if name in ids} - {own})
    return Ragged.of_lists(lists)

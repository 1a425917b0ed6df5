"""Find the likest of many sentences to one, as people write: an index that grows.

Two texts whose Jaccard likeness reaches ``t`` share at least ``t n`` of the ``n`` words of
either, so one of any ``n - ceil(t n) + 1`` words: the rarest are looked up. Source: Xiao et
al., "Efficient similarity joins for near duplicate detection", 2011.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
Word = tuple[str, int]


class NearIndex(Generic[K]):
    """Sentences by key.

    Args:
        likeness: Least Jaccard likeness that is found, repeats counted, in (0, 1].
    """

    def __init__(self, likeness: float) -> None:
        self._likeness = likeness
        self._words: dict[K, frozenset[Word]] = {}
        self._holders: dict[Word, set[K]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._words)

    def add(self, key: K, words: Sequence[str]) -> None:
        """Take in a sentence, in the place of the one known by this key."""
        self.remove(key)
        self._words[key] = marked(words)
        for word in self._words[key]:
            self._holders[word].add(key)

    def remove(self, key: K) -> None:
        """Take a sentence out; nothing happens when it is not there."""
        for word in self._words.pop(key, ()):
            self._holders[word].discard(key)

    def nearest(self, words: Sequence[str], besides: Hashable = None) -> tuple[K, float] | None:
        """Return the likest sentence and its likeness in [0, 1]; None when none is like.

        Args:
            words: The words of a sentence.
            besides: A key that is not looked at: the sentence itself.
        """
        own = marked(words)
        if not own:
            return None
        rare = sorted(own, key=lambda word: len(self._holders.get(word, ())))
        prefix = rare[: len(own) - math.ceil(self._likeness * len(own) - 1e-9) + 1]
        best: tuple[K, float] | None = None
        seen = {key for word in prefix for key in self._holders.get(word, ())}
        for key in seen:
            other = self._words[key]
            few, many = sorted((len(own), len(other)))
            if key == besides or few < self._likeness * many:
                continue
            common = len(own & other)
            share = common / (len(own) + len(other) - common)
            if share >= self._likeness and (best is None or share > best[1]):
                best = (key, share)
        return best


def marked(words: Sequence[str]) -> frozenset[Word]:
    """Return words as a set in which the second "the" is another word than the first."""
    seen: Counter[str] = Counter()
    found = []
    for word in words:
        seen[word] += 1
        found.append((word, seen[word]))
    return frozenset(found)

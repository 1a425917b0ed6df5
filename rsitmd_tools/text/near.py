"""Nearly equal texts: a set-similarity index with prefix filters.

If the Jaccard similarity of two texts is at least ``t``, they share at least ``t n`` of the ``n``
words of either text. So they share one of any ``n - ceil(t n) + 1`` words, the *prefix*. Only
texts that share a word of the prefix are compared, and rare words make the prefix selective.
Source: Xiao et al., "Efficient similarity joins for near duplicate detection", 2011.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
Word = tuple[str, int]

MIN_WORDS = 4


class NearIndex(Generic[K]):
    """Texts by key, searched by Jaccard similarity of their words (repeats counted).

    Args:
        similarity: Minimum similarity of a match, in (0, 1].
        ranks: Rank of every word, the rarest first, if all texts are known in advance. The
            index then holds the prefixes alone, which makes it several times as fast.
    """

    def __init__(self, similarity: float, ranks: Mapping[Word, int] | None = None) -> None:
        self._similarity = similarity
        self._ranks = ranks
        self._words: dict[K, frozenset[Word]] = {}
        self._order: dict[K, int] = {}  # when each text was added
        self._added = itertools.count()
        self._holders: dict[Word, set[K]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._words)

    def add(self, key: K, words: Sequence[str]) -> None:
        """Add a text. It replaces the text that has the same key."""
        self.remove(key)
        own = numbered(words)
        self._words[key] = own
        self._order[key] = next(self._added)
        for word in own if self._ranks is None else self._prefix(own):
            self._holders[word].add(key)

    def remove(self, key: K) -> None:
        """Remove a text. An unknown key is ignored."""
        for word in self._words.pop(key, ()):
            if word in self._holders:
                self._holders[word].discard(key)

    def nearest(
        self, words: Sequence[str], besides: Collection[Hashable] = ()
    ) -> tuple[K, float] | None:
        """Return the most similar text and its similarity, or None if no text is similar.

        Of equally similar texts, the one that was added first is returned.

        Args:
            words: The words of a text.
            besides: Keys to ignore, such as that of the text itself.
        """
        own = numbered(words)
        best: tuple[float, int, K] | None = None
        for key in {key for word in self._prefix(own) for key in self._holders.get(word, ())}:
            other = self._words[key]
            fewer, more = sorted((len(own), len(other)))
            if key in besides or fewer < self._similarity * more:
                continue
            common = len(own & other)
            share = common / (len(own) + len(other) - common)
            found = (share, -self._order[key], key)
            if share >= self._similarity and (best is None or found[:2] > best[:2]):
                best = found
        return None if best is None else (best[2], best[0])

    def _prefix(self, own: frozenset[Word]) -> list[Word]:
        """Return the rarest words of a text: a similar text has at least one of them."""
        ranks = self._ranks
        if ranks is None:
            rarest = sorted(own, key=lambda word: len(self._holders.get(word, ())))
        else:
            rarest = sorted(own, key=ranks.__getitem__)
        return rarest[: _prefix_size(len(own), self._similarity)]


def nearest_earlier(
    texts: Sequence[Sequence[str]], similarity: float
) -> dict[int, tuple[int, float]]:
    """Find for each text the most similar of the earlier ones.

    Args:
        texts: Words of each text. Texts of fewer than :data:`MIN_WORDS` words are left out.
        similarity: Minimum Jaccard similarity, repeats counted, above 0.

    Returns:
        By the index of a text, the index of the earlier one and their similarity; only
        texts that have one.
    """
    coded = _ranked([_distinct(words) if len(words) >= MIN_WORDS else () for words in texts])
    sets = [frozenset(ranks) for ranks in coded]
    longest = max(map(len, sets), default=0) + 1
    lengths = sorted({len(own) for own in sets} - {0})
    shorter = {  # lengths of similar texts that are not longer
        size: [n for n in lengths[: index + 1] if n >= similarity * size]
        for index, size in enumerate(lengths)
    }
    # If the shorter text of a pair is found first, a shorter prefix of it is sufficient.
    mutual = 2 * similarity / (1 + similarity)
    # Texts by a word of the prefix and their length.
    holders: dict[int, list[int]] = defaultdict(list)
    best: dict[int, tuple[float, int]] = {}
    for number in sorted(range(len(sets)), key=lambda number: len(sets[number])):
        ranks, own = coded[number], sets[number]
        size = len(ranks)
        if not size:
            continue
        prefix = ranks[: _prefix_size(size, similarity)]
        keys = [rank * longest + n for rank in prefix for n in shorter[size]]
        for other in {other for key in keys if key in holders for other in holders[key]}:
            common = len(own & sets[other])
            share = common / (size + len(sets[other]) - common)
            if share >= similarity:
                earlier, later = sorted((number, other))
                # Of equally similar texts, the first one counts.
                best[later] = max(best.get(later, (0.0, 0)), (share, -earlier))
        for rank in prefix[: _prefix_size(size, mutual)]:
            holders[rank * longest + size].append(number)
    return {later: (-best[later][1], best[later][0]) for later in sorted(best)}


def _distinct(words: Sequence[str]) -> Sequence[Hashable]:
    """Number the repeats of words as :func:`numbered` does; keep each first occurrence as it is."""
    if len(set(words)) == len(words):
        return words
    return [word if number == 1 else (word, number) for word, number in numbered(words)]


def _ranked(texts: Sequence[Sequence[Hashable]]) -> list[list[int]]:
    """Return the words of each text as their ranks, in order: 0 is the rarest word of all."""
    counts = Counter(itertools.chain.from_iterable(texts))
    ranks = {word: rank for rank, word in enumerate(sorted(counts, key=counts.__getitem__))}
    return [sorted(map(ranks.__getitem__, own)) for own in texts]


def _prefix_size(size: int, similarity: float) -> int:
    """Return the prefix length of a text.

    Every similar text has at least one of the words in the prefix.
    """
    # Rounding errors can put the product slightly above an integer, which ceil would increase.
    return size - math.ceil(similarity * size - 1e-9) + 1


def numbered(words: Sequence[str]) -> frozenset[Word]:
    """Return words as a set, with repeats numbered so that they are different elements."""
    if len(set(words)) == len(words):
        return frozenset((word, 1) for word in words)
    seen: Counter[str] = Counter()
    found = []
    for word in words:
        seen[word] += 1
        found.append((word, seen[word]))
    return frozenset(found)

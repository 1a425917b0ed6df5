"""All pairs of nearly equal texts, in seconds: a set-similarity join with prefix filters.

Two texts whose Jaccard likeness reaches ``t`` must share one of their rarest
``n - ceil(t n) + 1`` words (n the number of words), so only texts that meet in the index
of those words are compared. Source: Xiao et al., "Efficient similarity joins for near
duplicate detection", 2011.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

FEWEST_WORDS = 4


def nearest_earlier(
    texts: Sequence[Sequence[str]], likeness: float
) -> dict[int, tuple[int, float]]:
    """Find for each text the likest of the earlier ones.

    Args:
        texts: Words of each text; texts of fewer than four words are left out.
        likeness: Least Jaccard likeness, repeats counted, above 0.

    Returns:
        By the index of a text, the index of the earlier one and their likeness; only
        texts that have one.
    """
    entries = _numbered(texts)
    index: dict[int, list[int]] = defaultdict(list)
    found: dict[int, tuple[int, float]] = {}
    for number, words in enumerate(entries):
        if len(words) < FEWEST_WORDS:
            continue
        prefix = words[: len(words) - math.ceil(likeness * len(words) - 1e-9) + 1]
        best = _best({other for word in prefix for other in index[word]}, words, entries, likeness)
        if best is not None:
            found[number] = best
        for word in prefix:
            index[word].append(number)
    return found


def _best(
    candidates: set[int], words: list[int], entries: list[list[int]], likeness: float
) -> tuple[int, float] | None:
    own = set(words)
    best: tuple[int, float] | None = None
    for other in sorted(candidates):
        size = len(entries[other])
        if min(size, len(words)) < likeness * max(size, len(words)):
            continue
        common = len(own.intersection(entries[other]))
        share = common / (size + len(words) - common)
        if share >= likeness and (best is None or share > best[1]):
            best = (other, share)
    return best


def _numbered(texts: Sequence[Sequence[str]]) -> list[list[int]]:
    """Give each word a number, the rarest first; the second "the" of a text is another word."""
    marked = []
    for words in texts:
        seen: Counter[str] = Counter()
        entry = []
        for word in words:
            seen[word] += 1
            entry.append((word, seen[word]))
        marked.append(entry)
    counts = Counter(word for entry in marked for word in entry)
    order = {
        word: n for n, word in enumerate(sorted(counts, key=lambda word: (counts[word], word)))
    }
    return [sorted(order[word] for word in entry) for entry in marked]

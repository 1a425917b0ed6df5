"""Spelling: unknown words and suggestions.

Words are looked up in a set; the arrays to find similar words are made only if a word is unknown.
"""

from __future__ import annotations

import functools
import importlib.resources
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property

from rsitmd_tools.quality.similar_words import SimilarWords
from rsitmd_tools.quality.texts import singular

DICTIONARY = "frequency_dictionary_en_82_765.txt"
DISTANCE = 2
FOREIGN_FROM = 4
# Words of Portuguese, Spanish, French, German and Pinyin texts that are short or in the dictionary.
_NOT_ENGLISH = frozenset(
    [
        "ao",
        "da",
        "das",
        "de",
        "dos",
        "duas",
        "e",
        "em",
        "entre",
        "essa",
        "este",
        "esta",
        "fica",
        "foi",
        "na",
        "nas",
        "nos",
        "os",
        "ou",
        "por",
        "que",
        "tem",
        "um",
        "uma",
        "umas",
        "uns",
        "el",
        "las",
        "los",
        "del",
        "una",
        "unos",
        "en",
        "le",
        "les",
        "du",
        "et",
        "est",
        "une",
        "dans",
        "avec",
        "der",
        "und",
        "ist",
        "ein",
        "eine",
        "zu",
        "dem",
    ]
)
# Words up to this length are corrected by one edit only: "tre" is similar to many words.
SHORT = 4


class Spelling:
    """A dictionary of known words, with suggestions for unknown ones.

    Args:
        counts: Number of occurrences of each word in the dataset: of equally similar words, the
            most frequent one is suggested.
        domain: Correct words that are not in the dictionary.
    """

    def __init__(self, counts: Counter[str], domain: Iterable[str]) -> None:
        self._counts = counts
        self._domain = frozenset(domain)
        self._suggestions: dict[str, str | None] = {}
        # Most words are in many sentences.
        self._is_strange = functools.lru_cache(maxsize=1 << 16)(
            lambda word: word in _NOT_ENGLISH or not self.knows(word)
        )

    def knows(self, word: str) -> bool:
        """Return whether a lower-cased word, its singular or all its parts are known.

        Numbers, words of one or two letters and words with non-ASCII letters are known.
        """
        plain = word.replace("’", "'")
        return plain in self._known or all(self._knows_part(part) for part in plain.split("'"))

    def is_foreign(self, words: Sequence[str]) -> bool:
        """Return whether at least half of four or more words are unknown or not English."""
        if len(words) < FOREIGN_FROM:
            return False
        return sum(map(self._is_strange, words)) >= len(words) / 2

    def suggestion(self, word: str) -> str | None:
        """Return the most similar known word, or None if no word is similar."""
        if word not in self._suggestions:
            self._suggestions[word] = self._suggest(word)
        return self._suggestions[word]

    def _knows_part(self, part: str) -> bool:
        return (
            len(part) < 3
            or not part.isascii()
            or not part.isalpha()
            or part in self._known
            or singular(part) in self._known
        )

    def _suggest(self, word: str) -> str | None:
        near = self._similar.closest(word, 1 if len(word) <= SHORT else DISTANCE)
        if not near:
            return None
        best = max(near, key=lambda item: (self._counts[item.term], item.count, item.term))
        return str(best.term)

    @cached_property
    def _frequencies(self) -> dict[str, int]:
        file = importlib.resources.files("symspellpy") / DICTIONARY
        pairs = (line.split() for line in file.read_text(encoding="utf-8-sig").splitlines())
        return {word: int(count) for word, count in pairs}

    @cached_property
    def _known(self) -> frozenset[str]:
        return self._domain.union(self._frequencies)

    @cached_property
    def _similar(self) -> SimilarWords:
        frequent = max(self._frequencies.values())
        counts = Counter(self._frequencies)
        counts.update(dict.fromkeys(self._domain, frequent))
        return SimilarWords(counts)

"""Similar words against SymSpell with an index of all words."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from symspellpy import SymSpell, Verbosity
from symspellpy.suggest_item import SuggestItem

from rsitmd_tools.quality.similar_words import SimilarWords

WORDS = st.text("abcé'", min_size=1, max_size=9)


def found(items: list[SuggestItem]) -> list[tuple[str, int, int]]:
    return sorted((item.term, item.distance, item.count) for item in items)


def by_symspell(counts: dict[str, int], word: str, distance: int) -> list[tuple[str, int, int]]:
    index = SymSpell(max_dictionary_edit_distance=2, prefix_length=6)
    for term, count in counts.items():
        index.create_dictionary_entry(term, count)
    return found(index.lookup(word, Verbosity.CLOSEST, max_edit_distance=distance))


@given(st.dictionaries(WORDS, st.integers(1, 9), min_size=1), WORDS, st.sampled_from((1, 2)))
def test_symspell_finds_the_same(counts: dict[str, int], word: str, distance: int) -> None:
    counts.pop(word, None)
    if counts:
        assert found(SimilarWords(counts).closest(word, distance)) == by_symspell(
            counts, word, distance
        )


@pytest.mark.parametrize(
    ("word", "expected"),
    [("buidling", ["building"]), ("hous", ["house", "hour"]), ("zzzzzz", []), ("b" * 300, [])],
)
def test_swaps_and_several_words(word: str, expected: list[str]) -> None:
    words = SimilarWords({"building": 3, "house": 1, "hour": 1, string.ascii_lowercase * 9: 1})
    assert {item.term for item in words.closest(word, 2)} == set(expected)

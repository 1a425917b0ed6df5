"""Tokens: the quick way equals NLTK's own tokenizer wherever it is taken."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from nltk.tokenize.destructive import NLTKWordTokenizer

from rsitmd_tools.text.tokens import _SENTENCE_END, stop_words, tokenize

ALPHABET = "ab Zn',.-s0 8otmega?!\"&()"
NLTK = NLTKWordTokenizer()


@settings(max_examples=1500, deadline=None)
@given(st.text(alphabet=ALPHABET, max_size=24) | st.text(max_size=12))
@example("cannot gimme wanna lemme gotta")
@example("the city's road, 1,000 cars -- and ships.")
def test_equal_to_nltks_tokenizer_on_each_sentence(text: str) -> None:
    expected = [t for part in _SENTENCE_END.split(text.strip()) for t in NLTK.tokenize(part)]
    assert tokenize(text) == expected


def test_the_stop_words_are_those_of_nltk_with_punctuation() -> None:
    words = stop_words()
    assert len(words) == 181
    assert {"the", "this", "couldn't", ",", "."} <= words
    assert "thi" not in words


def test_a_changed_list_of_tokens_changes_no_other_one() -> None:
    tokens = tokenize("Two boats lie at the pier.")
    tokens.clear()
    assert tokenize("Two boats lie at the pier.")[0] == "Two"

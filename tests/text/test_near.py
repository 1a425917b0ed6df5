"""Nearly equal texts against a comparison of all pairs."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.text.near import MIN_WORDS, nearest_earlier

TEXTS = st.lists(st.lists(st.sampled_from("abcdef"), max_size=8), max_size=30)


def similarity(left: list[str], right: list[str]) -> float:
    first, second = Counter(left), Counter(right)
    return (first & second).total() / (first | second).total()


@given(TEXTS, st.sampled_from((0.5, 0.6, 0.75, 0.85, 1.0)))
def test_all_pairs_give_the_same(texts: list[list[str]], least: float) -> None:
    expected = {}
    for number, words in enumerate(texts):
        shares = [
            (similarity(words, texts[other]), -other)
            for other in range(number)
            if len(words) >= MIN_WORDS and len(texts[other]) >= MIN_WORDS
        ]
        share, other = max(shares, default=(0.0, 0))
        if share >= least:
            expected[number] = (-other, share)
    assert nearest_earlier(texts, least) == expected

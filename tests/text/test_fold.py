"""The form of a text in which two texts count as equal."""

from __future__ import annotations

import pytest

from rsitmd_tools.text.fold import bare, folded


def test_case_spaces_and_composed_characters_do_not_count() -> None:
    assert folded("  A Cafe\u0301 \n by the road. ") == folded("a caf\u00e9 by the road.")
    assert folded(" \t") == ""


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Two red boats lie at the pier.", "two red  boats lie at the pier ."),
        ("Two red boats lie at the pier", "two red boats lie at the pier."),
        ("The two-storey house's roof", "the two - storey house \u2019 s roof !"),
        ("...", " , "),
    ],
)
def test_punctuation_does_not_count_in_a_bare_text(text: str, same: str) -> None:
    assert bare(text) == bare(same)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("2 boats", "3 boats"),
        ("a pier", "a piers"),
        ("3 + 4", "3 4"),
        ("\u0915\u093f", "\u0915"),  # a letter with and without its vowel sign
    ],
)
def test_letters_digits_signs_and_symbols_count(text: str, other: str) -> None:
    assert bare(text) != bare(other)

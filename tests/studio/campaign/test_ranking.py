"""What people chose of two sentences, counted; agreement against the textbook."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.annotation_templates import CHOICES
from rsitmd_tools.studio.campaign.ranking import agreement, alpha

choices = st.lists(st.sampled_from(CHOICES), max_size=7)


def test_agreement_is_the_share_of_equal_pairs() -> None:
    assert agreement(["equal"]) is None
    assert agreement(["equal", "equal"]) == 1
    assert agreement(["equal", "both wrong"]) == 0
    assert agreement(["sentence 1", "sentence 1", "sentence 2"]) == pytest.approx(1 / 3)


@given(choices)
def test_agreement_equals_a_direct_count(chosen: list[str]) -> None:
    people = len(chosen)
    found = agreement(chosen)
    if people < 2:
        assert found is None
    else:
        same = sum(chosen.count(c) * (chosen.count(c) - 1) for c in CHOICES)
        assert found == pytest.approx(same / (people * (people - 1)))


def test_alpha_equals_the_textbook_value() -> None:
    # Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section A: 0.095.
    anna, berta = "0100000010", "1110010000"
    pairs = zip(anna, berta, strict=True)
    items = {str(number): {"anna": a, "berta": b} for number, (a, b) in enumerate(pairs)}
    assert alpha(items) == pytest.approx(0.095, abs=5e-4)
    # One person's choice about another item changes nothing.
    assert alpha({**items, "more": {"anna": "1"}}) == pytest.approx(0.095, abs=5e-4)


votes = st.dictionaries(st.sampled_from("abc"), st.sampled_from(CHOICES), max_size=3)


@given(st.dictionaries(st.text(max_size=3), votes, max_size=6))
def test_alpha_accepts_any_choices(chosen: dict[str, dict[str, str]]) -> None:
    found = alpha(chosen)
    judged = any(len(votes) > 1 for votes in chosen.values())
    assert (found is not None) == judged
    assert found is None or found <= 1

"""Results: all forms of a result can be read, and none breaks the pull."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.studio.sync.results import (
    ParsedResult,
    as_result,
    is_visible,
    one_line,
    parse_result,
)

lines = st.text().map(one_line).filter(is_visible)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
parts = st.fixed_dictionaries(
    {},
    optional={
        "from_name": st.sampled_from(["sentence1", "sentence2", "keywords", "suggested", "better"])
        | json_values,
        "type": st.sampled_from(["textarea", "choices"]) | json_values,
        "value": st.fixed_dictionaries({"text": json_values})
        | st.fixed_dictionaries({"choices": json_values})
        | json_values,
    },
)


@given(st.lists(lines, max_size=5), st.lists(lines, unique=True, max_size=5))
def test_a_result_that_was_sent_is_read(sentences: list[str], keywords: list[str]) -> None:
    written = parse_result(as_result(sentences, keywords))
    assert written == ParsedResult(tuple(enumerate(sentences, 1)), tuple(keywords), folded=0)
    backwards = parse_result(as_result(sentences, keywords)[::-1])
    assert backwards == written, "the order of the fields does not matter"


@given(st.text())
def test_a_sentence_is_one_line_and_no_word_is_lost(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line == line.strip()
    assert line.split() == text.split()


@given(st.lists(parts | json_values))
def test_every_result_can_be_parsed(result: list[Any]) -> None:
    written = parse_result(result)
    slots = [slot for slot, _ in written.sentences]
    assert slots == sorted(set(slots))
    assert all(raw for _, raw in written.sentences)
    assert len(set(written.keywords)) == len(written.keywords)


def test_space_within_a_line_stays_and_line_breaks_are_counted() -> None:
    written = parse_result(as_result(["Two  ships.\n lie here. \n", " Three ships. "], []))
    assert written.sentences == ((1, "Two  ships. lie here."), (2, "Three ships."))
    assert written.folded == 1


def test_blank_fields_and_unknown_regions_are_ignored() -> None:
    result = as_result(["", "\u2003\n"], [" ", "blue sea", "blue sea"])
    result.append({"from_name": "sentence9999", "value": {"text": ["no area of ours"]}})
    result.append({"from_name": "note", "value": {"text": ["a field added by hand"]}})
    result.append({"type": "rating", "value": {"rating": 3}})
    unread = (("sentence9999", 1), ("note", 1))
    assert parse_result(result) == ParsedResult((), ("blue sea",), unread=unread)


@pytest.mark.parametrize(
    "text", ["\u200b", "\u200b \u200b", "\ufeff", "\u2060\u00ad", "\u0301", "\u3164"]
)
def test_a_text_without_a_visible_character_is_empty(text: str) -> None:
    assert parse_result(as_result([text], [text])) == ParsedResult((), ())


@pytest.mark.parametrize("text", ["a\u200b", "\U0001f6a2", "é", "字", "1", "."])
def test_a_text_with_a_visible_character_is_kept_as_it_is(text: str) -> None:
    assert parse_result(as_result([text], [])).sentences == ((1, text),)


def test_a_renamed_field_is_read_unless_the_original_field_exists() -> None:
    def area(name: str, text: str) -> dict[str, object]:
        return {"from_name": name, "value": {"text": [text]}}

    renamed = {"caption1": "sentence1"}
    old = area("caption1", "Two ships.")
    assert parse_result([old], renamed).sentences == ((1, "Two ships."),)
    both = parse_result([old, area("sentence1", "Three ships.")], renamed)
    assert both.sentences == ((1, "Three ships."),)
    assert both.unread == (("caption1", 1),)


def test_selected_keywords_follow_written_keywords_and_a_choice_is_read() -> None:
    result = [
        {"from_name": "suggested", "type": "choices", "value": {"choices": ["- port", "red ship"]}},
        {"from_name": "better", "type": "choices", "value": {"choices": ["equal"]}},
        *as_result([], ["blue sea", "- port"]),
    ]
    assert parse_result(result) == ParsedResult((), ("blue sea", "- port", "red ship"), 0, "equal")


def test_several_texts_of_one_field_are_one_sentence() -> None:
    result = as_result(["Two ships.\n"], []) + as_result(["They lie here."], [])
    written = parse_result(result)
    assert (written.sentences, written.folded) == (((1, "Two ships. They lie here."),), 1)
    assert parse_result(result * 2) == written, "the same text twice counts once"


@pytest.mark.parametrize("name", ["sentence0", "sentence01", "sentence\u0661", "sentence1a"])
def test_a_field_with_a_similar_name_is_not_a_sentence(name: str) -> None:
    other = {"from_name": name, "value": {"text": ["Three ships."]}}
    written = parse_result([*as_result(["Two ships."], []), other])
    assert (written.sentences, written.unread) == (((1, "Two ships."),), ((name, 1),))


def test_lines_added_one_by_one_to_a_field_are_one_sentence() -> None:
    result = [{"from_name": "sentence1", "value": {"text": ["Two ships", "lie here."]}}]
    assert parse_result(result).sentences == ((1, "Two ships lie here."),)

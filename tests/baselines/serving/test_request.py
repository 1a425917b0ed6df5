"""Addresses: parsed, refused in one line, and written into links."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.baselines.serving.request import (
    LocateRequest,
    SearchRequest,
    locate_request,
    search_request,
    usable_part,
)
from rsitmd_tools.errors import WrongUsage

WORDS = st.text(st.characters(codec="utf-8"), max_size=30).map(lambda raw: " ".join(raw.split()))


def parts(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))


@given(
    st.builds(
        SearchRequest,
        text=WORDS,
        keywords=WORDS,
        category=st.sampled_from(["", "farm & <b>", "port"]),
        k=st.integers(1, 100),
        like=st.none() | st.integers(0, 9),
        saliency=st.booleans(),
        words=st.booleans(),
    )
)
def test_a_link_asks_for_what_it_was_made_of(asked: SearchRequest) -> None:
    assert search_request(parts(asked.address()), ["farm & <b>", "port"], 10) == asked


@given(
    st.builds(
        LocateRequest,
        text=WORDS,
        run=st.integers(0, 1),
        k=st.integers(1, 100),
        x=st.integers(0, 20),
        y=st.integers(0, 10),
        width=st.integers(0, 40),
        height=st.integers(0, 40),
        plain=st.booleans(),
    )
)
def test_a_link_of_a_scene_asks_for_what_it_was_made_of(asked: LocateRequest) -> None:
    assert locate_request(parts(asked.address()), 2, 60, 50) == asked


@pytest.mark.parametrize("sent", ["new\nline", "new\r\nline", "new\rline"])
def test_a_category_with_a_line_break_is_found_as_a_browser_sends_it(sent: str) -> None:
    """Without scripts, a form sends a carriage return, too; the value of an option has none."""
    for name in ("new\nline", "new\r\nline"):
        assert search_request({"category": sent}, ["port", name], 10).category == name
    assert search_request({"category": sent}, [sent, "new\nline"], 10).category == sent


def test_names_that_no_page_reads_are_not_tried() -> None:
    """Each is a request to parse: an address of 100 000 names would stop the server."""
    tried = []

    def parse(given: Mapping[str, str]) -> SearchRequest:
        tried.append(given)
        return search_request(given, [], 10)

    many = {"k": "x", "text": "boat", **{f"a{number}": "1" for number in range(1000)}}
    assert usable_part(parse, many) == SearchRequest(text="boat")
    assert len(tried) == 3


@given(st.dictionaries(st.sampled_from(["text", "k", "like", "category", "keywords"]), st.text()))
def test_nothing_but_a_request_or_one_line_comes_of_an_address(given: dict[str, str]) -> None:
    try:
        asked = search_request(given, ["port"], 10)
    except WrongUsage as error:
        assert "\n" not in str(error)
    else:
        assert 1 <= asked.k <= 100
        assert asked.like is None or 0 <= asked.like < 10


def test_a_usable_part_of_an_address_has_no_wrong_parameter() -> None:
    given = {"text": "a boat", "k": "many", "run": "1", "x": "70", "width": "40"}
    found = usable_part(lambda kept: locate_request(kept, 2, 60, 50), given)
    assert found == LocateRequest(text="a boat", run=1, width=40)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"k": "0"}, "the value of k is 0, not a whole number from 1 to 100"),
        ({"k": "x" * 50}, "the value of k is xxxxxxxxxxxxxxxxxxxx, not"),
        ({"k": "٣"}, ", not a whole number"),
        ({"k": "9" * 5000}, ", not a whole number"),
        ({"like": "10"}, "the value of like is 10, not a whole number from 0 to 9"),
        ({"category": "<b>"}, "unknown category <b>"),
        ({"text": "a" * 10_001}, "the sentence has 10001 characters, more than 10000"),
    ],
)
def test_a_bad_parameter_is_named(given: dict[str, str], message: str) -> None:
    with pytest.raises(WrongUsage, match=message):
        search_request(given, ["port"], 10)


def test_lines_become_one_sentence_and_keywords_are_split() -> None:
    asked = search_request({"text": " a \n boat ", "keywords": "red boat, ,sea"}, [], 1)
    assert (asked.text, asked.phrases) == ("a boat", ("red boat", "sea"))
    assert search_request({"keywords": " , "}, [], 1).blank

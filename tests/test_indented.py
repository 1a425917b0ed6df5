"""Indented JSON: the text of the standard library, character by character."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.indented import indented

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
KEYS = st.text(max_size=4) | st.integers() | st.booleans() | st.none()
DOCUMENTS = st.recursive(
    SCALARS | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.lists(st.text(max_size=3)).map(tuple)
    ),
    max_leaves=20,
)


@given(DOCUMENTS, st.booleans())
def test_the_text_is_that_of_the_standard_library(document: Any, ascii_only: bool) -> None:
    expected = json.dumps(document, indent=2, ensure_ascii=ascii_only, allow_nan=False)
    assert indented(document, ensure_ascii=ascii_only) == expected


class Number(IntEnum):
    ONE = 1


def test_subclasses_of_plain_types() -> None:
    document = {"number": Number.ONE, "inner": [[Number.ONE, "line\nbreak \u2028 \x7f \ud800"]]}
    assert indented(document) == json.dumps(document, indent=2, ensure_ascii=False)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1j: 2}])
def test_what_json_does_not_have_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        indented({"a": [value]})

"""The form of a text in which two texts count as equal."""

from __future__ import annotations

from rsitmd_tools.text.fold import folded


def test_case_spaces_and_composed_characters_do_not_count() -> None:
    assert folded("  A Cafe\u0301 \n by the road. ") == folded("a caf\u00e9 by the road.")
    assert folded(" \t") == ""

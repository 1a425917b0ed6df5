"""Errors are one line: where, what, hint. No unprintable character reaches the terminal."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.errors import (
    MissingExtra,
    RsitmdError,
    WrongUsage,
    command_line,
    printable,
    reason,
    structure_reason,
)


def test_the_line() -> None:
    error = RsitmdError("is not a workspace", where=Path("/a"), hint="make one")
    assert str(error) == "/a: is not a workspace; make one"
    assert (error.what, error.where, error.hint) == ("is not a workspace", "/a", "make one")
    assert str(RsitmdError("failed")) == "failed"
    assert (error.exit_code, WrongUsage("x").exit_code) == (1, 2)


def test_the_extra_is_named() -> None:
    line = "torch is not installed; in a clone of rsitmd-tools, run: pip install '.[train]'"
    assert str(MissingExtra("torch", "train")) == line


def test_a_command_of_a_hint_can_be_pasted() -> None:
    line = command_line("build", "ingest", Path("/a b"), "FOLDER", "--workers", 2)
    assert line == "rsitmd build ingest '/a b' FOLDER --workers 2"


@given(st.text())
def test_any_text_is_one_printable_line(text: str) -> None:
    assert printable(text).isprintable()
    assert str(RsitmdError(text, where=text, hint=text)).isprintable()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\x1b[31m\n", r"a\x1b[31m\n"),
        ("\udcff", r"\udcff"),
        ("\u202egnp", r"\u202egnp"),
        ("Größe 🛰", "Größe 🛰"),
    ],
)
def test_what_is_escaped(text: str, line: str) -> None:
    assert printable(text) == line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device"), "no space left on device"),
        (OSError("broken data stream\nmore"), "broken data stream"),
        (ValueError(), "ValueError"),
        (ValueError("\x1b[2Jfine"), r"\x1b[2Jfine"),
        (PermissionError(13, os.strerror(13), "/x"), "permission denied"),
    ],
)
def test_reasons(error: Exception, line: str) -> None:
    assert reason(error) == line


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1}', "has no key 'texts'"),
        ("[1]", "has an unexpected structure"),
        ('{"texts": null}', "has an unexpected structure"),
        ('{"texts": {"a": "b c"}}', "invalid literal for int() with base 10: 'b c'"),
    ],
)
def test_reasons_of_a_wrong_structure(text: str, why: str) -> None:
    with pytest.raises((KeyError, TypeError, AttributeError, ValueError)) as caught:
        [int(value) for value in json.loads(text)["texts"].values()]
    assert structure_reason(caught.value) == why

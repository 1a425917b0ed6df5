"""Warnings and notes are one line on stderr."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rsitmd_tools.cli.messages import note, warn


@pytest.mark.parametrize(("show", "begin"), [(warn, "warning"), (note, "note")])
def test_a_message_is_one_printable_line(
    show: Callable[[str], None], begin: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show("a\nb\x1b[31m")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"{begin}: a\\nb\\x1b[31m\n"

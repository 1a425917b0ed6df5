"""What is recorded of the command that made a result."""

from __future__ import annotations

import sys

import pytest

from rsitmd_tools import provenance


@pytest.mark.parametrize(
    ("program", "recorded"),
    [
        ("/usr/bin/rsitmd", "rsitmd benchmark evaluate 'my run'"),
        ("/lib/rsitmd_tools/__main__.py", "rsitmd benchmark evaluate 'my run'"),
        ("/usr/bin/pytest", None),
        ("/lib/other/__main__.py", None),
        ("", None),
    ],
)
def test_only_a_command_of_this_program_is_recorded(
    monkeypatch: pytest.MonkeyPatch, program: str, recorded: str | None
) -> None:
    monkeypatch.setattr(sys, "argv", [program, "benchmark", "evaluate", "my run"])
    assert provenance.command() == recorded

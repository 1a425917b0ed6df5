"""Completion shows the same line about a command as the help of its group."""

from __future__ import annotations

import pytest
from click.shell_completion import ShellComplete

from rsitmd_tools.cli import root
from tests.command import rsitmd


@pytest.mark.parametrize("group", [(), ("build",), ("annotate",), ("benchmark",)])
def test_completion_shows_the_line_of_the_help(group: tuple[str, ...]) -> None:
    completion = ShellComplete(root.cli, {}, "rsitmd", "_RSITMD_COMPLETE")
    found = completion.get_completions(list(group), "")
    printed = " ".join(rsitmd(*group, "--help").stdout.split())
    assert len(found) > 4
    for item in found:
        assert f" {item.value} {item.help}" in printed

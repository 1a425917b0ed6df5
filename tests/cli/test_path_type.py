"""Paths that the command line refuses."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from rsitmd_tools.cli.lazy import LazyGroup
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.cli.root import cli
from tests.forks import Nursery

EMPTY = "The path is empty. Use . for the current folder."
DASH = "- is not supported. Use the name of a file; ./- is a file named -."


@pytest.mark.parametrize(
    ("arguments", "name", "message"),
    [
        (("build", "init", ""), "DIR", EMPTY),  # an unset variable of a script
        (("validate", "-"), "PATH...", DASH),
        (("annotate", "status", "w", "--payment", "-"), "--payment", DASH),
        (("build", "convert", "w", "", "--to", "csv"), "DST", EMPTY),
    ],
)
def test_an_empty_path_and_a_dash_are_wrong_usage(
    commands: Nursery, tmp_path: Path, arguments: tuple[str, ...], name: str, message: str
) -> None:
    done = commands.run(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert f"Error: Invalid value for '{name}': {message}\n" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_can_be_named_like_a_dash(tmp_path: Path) -> None:
    assert PathType(path_type=Path).convert("./-", None, None) == Path("-")


def all_commands(group: LazyGroup) -> list[click.Command]:
    found: list[click.Command] = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        found += all_commands(command) if isinstance(command, LazyGroup) else [command]
    return found


def test_no_command_has_another_type_of_path() -> None:
    paths = [
        parameter.type
        for command in all_commands(cli)
        for parameter in command.params
        if isinstance(parameter.type, click.Path)
    ]
    assert len(paths) > 40
    assert {type(path) for path in paths} == {PathType}

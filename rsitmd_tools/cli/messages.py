"""Warnings and notes of the commands: one line on stderr, without unprintable characters."""

from __future__ import annotations

from collections.abc import Sequence

import click

from rsitmd_tools.errors import printable

SHOWN = 10  # names of a list on the terminal; --json has all


def warn(text: str) -> None:
    """Print a warning."""
    _say(f"warning: {text}")


def note(text: str) -> None:
    """Print a note: what a user may want to know, and has no need to change."""
    _say(f"note: {text}")


def list_some(what: str, names: Sequence[str]) -> None:
    """Print a line for each of the first names, and the number of the others."""
    for name in names[:SHOWN]:
        _say(f"{what}: {name}")
    if len(names) > SHOWN:
        _say(f"{what}: {len(names) - SHOWN} more; use --json to list all")


def _say(line: str) -> None:
    click.echo(printable(line), err=True)

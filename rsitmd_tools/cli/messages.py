"""Warnings and notes of the commands: one line on stderr, without unprintable characters."""

from __future__ import annotations

import click

from rsitmd_tools.errors import printable


def warn(text: str) -> None:
    """Print a warning."""
    _say(f"warning: {text}")


def note(text: str) -> None:
    """Print a note: what a user may want to know, and has no need to change."""
    _say(f"note: {text}")


def _say(line: str) -> None:
    click.echo(printable(line), err=True)

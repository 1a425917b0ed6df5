"""Warnings of ``push`` and ``status`` about images that every annotator has skipped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from rsitmd_tools.errors import command_line


def print_skipped_by_all(images: Sequence[dict[str, Any]], folder: Path) -> None:
    """Print a warning for each skipped image that has no annotator left."""
    from rsitmd_tools.errors import printable

    for entry in images:
        who = ", ".join(entry["skipped_by"])
        line = f"warning: {entry['image']}: skipped by {who}; no other annotator is available"
        click.echo(printable(line), err=True)
    if images:
        add = command_line("annotate", "users", folder, "add", "EMAIL")
        check = "Check this image" if len(images) == 1 else "Check these images"
        click.echo(f"{check}. To add an annotator, run: {add}", err=True)

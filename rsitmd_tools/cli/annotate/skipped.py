"""Warnings of ``push`` and ``status`` about images with too few or too many annotators."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click


def print_skipped_by_all(images: Sequence[dict[str, Any]], folder: Path) -> None:
    """Print a warning for each skipped image that has no annotator left."""
    import shlex

    from rsitmd_tools.errors import printable

    for entry in images:
        who = ", ".join(entry["skipped_by"])
        line = f"warning: {entry['image']}: skipped by {who}; no other annotator is available"
        click.echo(printable(line), err=True)
    if images:
        add = shlex.join(["rsitmd", "annotate", "users", str(folder), "add", "EMAIL"])
        check = "Check this image" if len(images) == 1 else "Check these images"
        click.echo(f"{check}. To add an annotator, run: {add}", err=True)


def print_superfluous(tasks: int, folder: Path) -> None:
    """Print how many open tasks belong to images that have enough other annotators."""
    import shlex

    from rsitmd_tools.errors import count_of

    if tasks:
        replan = shlex.join(["rsitmd", "annotate", "push", str(folder), "--replan"])
        click.echo(
            f"{count_of(tasks, 'open task')} more than annotators_per_image asks for. To withdraw"
            f" them, run: {replan}",
            err=True,
        )

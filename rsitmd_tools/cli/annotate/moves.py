"""How `push` and `pull` print what happened to tasks and annotations on the server."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.options import count_of
from rsitmd_tools.errors import printable

if TYPE_CHECKING:
    from rsitmd_tools.studio.sync.deletions import Deletion

MOST = 10  # names that one line shows


def warn(text: str) -> None:
    """Print a warning to stderr."""
    click.echo(printable(f"warning: {text}"), err=True)


def print_moves(
    folder: str,
    adopted: Sequence[str],
    removed: Sequence[str],
    deletions: Sequence[Deletion],
    *,
    pushed: bool = False,
) -> None:
    """Print which tasks have another number, and what was deleted on the server.

    Args:
        folder: The workspace.
        adopted: Images whose task has another number.
        removed: Images whose task was deleted.
        deletions: Annotations that were deleted.
        pushed: Whether a push prints it: it has made the tasks anew where they are needed.
    """
    if adopted:
        click.echo(
            printable(f"tasks that have another number on the server now: {_names(adopted)}")
        )
    if removed:
        command = shlex.join(["rsitmd", "annotate", "push", folder])
        hint = "" if pushed else f". To make them anew where they are needed, run: {command}"
        warn(f"tasks that were deleted on the server: {_names(removed)}{hint}")
    for entry in deletions:
        kept = entry["accepted"]
        command = shlex.join(["rsitmd", "annotate", "review", folder, "--reject", "FILE"])
        sentences = count_of(entry["sentences"], "sentence")
        stays = (
            f". Stays in the dataset: {count_of(kept, 'accepted sentence')}. To drop it, run:"
            f" {command}"
        )
        warn(
            f"{entry['image']}: the annotation of {entry['annotator']} was deleted on the server"
            f" ({sentences}){stays if kept else ''}"
        )


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more

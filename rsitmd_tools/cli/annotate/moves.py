"""Output that `push` and `pull` share: renumbered tasks, deleted tasks and annotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from rsitmd_tools.errors import command_line, count_of, printable

if TYPE_CHECKING:
    from rsitmd_tools.studio.sync.deletions import Deletion

MAX_NAMES = 10  # names listed in one line


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
    """Print which tasks have a new number, and what was deleted on the server.

    Args:
        folder: The workspace, for the commands in hints.
        adopted: Images whose task has a new number.
        removed: Images whose task was deleted.
        deletions: Annotations that were deleted.
        pushed: Whether `push` calls this. It has already created the needed tasks again.
    """
    if adopted:
        click.echo(
            printable(f"images whose task has a new number on the server: {_names(adopted)}")
        )
    if removed:
        command = command_line("annotate", "push", folder)
        hint = "" if pushed else f". To create the needed tasks again, run: {command}"
        warn(f"images whose task was deleted on the server: {_names(removed)}{hint}")
    for entry in deletions:
        accepted = entry["accepted"]
        command = command_line("annotate", "review", folder, "--reject", "FILE")
        sentences = count_of(entry["sentences"], "sentence")
        pronoun = "it" if accepted == 1 else "them"
        remains = (
            f". {count_of(accepted, 'accepted sentence')} will stay in the dataset. To remove"
            f" {pronoun}, run: {command}"
        )
        warn(
            f"{entry['image']}: the annotation of {entry['annotator']} was deleted on the server"
            f" ({sentences}){remains if accepted else ''}"
        )


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more

"""Output about tasks that several commands share: renumbered, deleted and skipped ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rsitmd_tools.cli.messages import warn
from rsitmd_tools.errors import command_line, count_of, printable

if TYPE_CHECKING:
    from rsitmd_tools.studio.sync.deletions import Deletion
    from rsitmd_tools.studio.sync.pictures import ChangedPicture

MAX_NAMES = 10  # names listed in one line


def print_moves(
    folder: Path,
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


def print_changed_pictures(
    folder: Path, pictures: Sequence[ChangedPicture], *, pushed: bool = False
) -> None:
    """Warn of tasks that show another picture than the one that was sent.

    Args:
        folder: The workspace, for the commands in hints.
        pictures: The tasks.
        pushed: Whether `push` calls this. It has restored the pictures.
    """
    push = command_line("annotate", "push", folder)
    done, restore = (" It is restored.", "") if pushed else ("", f" To restore it, run: {push}")
    for entry in pictures:
        writers = ", ".join(dict.fromkeys(entry["annotators"]))
        compare = f" Compare the text of {writers} with the image." if writers else ""
        warn(
            f"{entry['image']}: the picture of task {entry['task']} was changed on the server to"
            f" {entry['address']}.{done}{compare}{restore}"
        )


def print_other_notes(images: Sequence[str]) -> None:
    """Warn of notes that another copy of the workspace made and that a push removed."""
    if images:
        warn(
            f"notes removed that this workspace did not make: {_names(images)}. If another copy of"
            " the workspace sent these sentences back, run push there, and use only that copy"
        )


def print_skipped_by_all(images: Sequence[dict[str, Any]], folder: Path) -> None:
    """Print a warning for each skipped image that has no annotator left."""
    for entry in images:
        who = ", ".join(entry["skipped_by"])
        warn(f"{entry['image']}: skipped by {who}; no other annotator is available")
    if images:
        add = command_line("annotate", "users", folder, "add", "EMAIL")
        check = "Check this image" if len(images) == 1 else "Check these images"
        click.echo(f"{check}. To add an annotator, run: {add}", err=True)


def print_superfluous(tasks: int, folder: Path) -> None:
    """Print how many open tasks belong to images that have enough other annotators."""
    if tasks:
        replan = command_line("annotate", "push", folder, "--replan")
        click.echo(
            f"{count_of(tasks, 'open task')} more than annotators_per_image asks for. To withdraw"
            f" them, run: {replan}",
            err=True,
        )


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more

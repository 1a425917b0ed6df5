"""Output of ``rsitmd annotate pull`` and ``rsitmd annotate pull --check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.annotate.task_warnings import print_changed_pictures, print_moves
from rsitmd_tools.cli.messages import warn
from rsitmd_tools.errors import command_line, count_of, printable

if TYPE_CHECKING:
    from rsitmd_tools.studio.sync.misplaced import CheckReport
    from rsitmd_tools.studio.sync.pull_report import PullReport

MAX_TASKS = 5  # numbers of tasks listed in one line


def print_pull(folder: Path, report: PullReport) -> None:
    """Print what a pull fetched, and what the lead should know about it.

    Args:
        folder: The workspace, for the commands in hints.
        report: The result of the pull.
    """
    click.echo(
        f"annotations: {report.new} new, {report.changed} changed, {report.deleted} deleted"
        f" ({count_of(report.corrected, 'requested correction')},"
        f" {count_of(report.skipped, 'skip')}, {count_of(report.drafts, 'draft')},"
        f" {count_of(report.blank, 'empty sentence')})"
    )
    print_moves(folder, report.adopted_tasks, report.removed_tasks, report.deletions)
    push = command_line("annotate", "push", folder)
    _print_sentences(report)
    _print_pages(report, push)
    print_changed_pictures(folder, report.changed_pictures)
    _print_counts(report)
    _print_authors(report, push)
    _print_server(report, push, command_line("annotate", "pull", folder))


def _print_sentences(report: PullReport) -> None:
    """Warn of empty sentences, and of reviewed ones whose text or decision is not as expected."""
    for entry in report.incomplete:
        numbers = ", ".join(map(str, entry["missing"]))
        warn(f"{entry['image']}: {entry['annotator']} left sentence {numbers} empty")
    for entry in report.reopened:
        numbers = ", ".join(map(str, entry["sentences"]))
        warn(
            f"{entry['image']}: {entry['annotator']} changed sentence {numbers}, which was"
            " accepted. Review the new text."
        )
    for entry in report.still_sent_back:
        numbers = ", ".join(map(str, entry["sentences"]))
        warn(
            f"{entry['image']}: sentence {numbers} of {entry['annotator']} is still sent back: its"
            " text is older than the decision"
        )
    for state, entries in report.repeated.items():
        for entry in entries:
            numbers = ", ".join(map(str, entry["sentences"]))
            warn(
                f"{entry['image']}: {entry['annotator']} has submitted the words of sentence"
                f" {numbers} before. The decision about them is kept: {state}"
            )


def _print_pages(report: PullReport, push: str) -> None:
    """Warn of labeling pages that were changed on the server, and of text in unknown fields."""
    for entry in report.changed_pages:
        renamed = ", ".join(f"{old} is now {new}" for new, old in entry["renamed"].items())
        warn(
            f"project {entry['project']}: the labeling page was changed on the server"
            + (f" ({renamed}). Text in renamed fields is read." if renamed else ".")
            + f" To restore the page, run: {push}"
        )
    for entry in report.unread:
        warn(
            f"{entry['image']}: the annotation of {entry['annotator']} has"
            f" {count_of(entry['texts'], 'text')} in the unknown field {entry['field']!r}. The"
            f" workspace keeps the text but does not use it."
            f" To restore the page, run: {push}"
        )


def _print_counts(report: PullReport) -> None:
    if report.accepted:
        click.echo(f"annotators who accepted the licence: {report.accepted}")
    if report.doubled:
        click.echo(f"duplicate annotations on the server, counted once: {report.doubled}")
    if report.folded:
        folded = count_of(report.folded, "sentence")
        click.echo(f"line breaks replaced by spaces in {folded}", err=True)


def _print_authors(report: PullReport, push: str) -> None:
    """Warn of annotations that somebody else wrote or changed, and of removed accounts."""
    for entry in report.foreign:
        warn(
            f"{entry['image']}: {entry['changed_by']} changed the annotation of"
            f" {entry['annotator']}"
        )
    for entry in report.new_authors:
        warn(
            f"{entry['image']}: the author of an annotation was changed on the server:"
            f" {entry['before']} is now {entry['annotator']}"
        )
    for entry in report.strangers:
        warn(
            f"{entry['annotator']} wrote in the project of {entry['owner']}: {entry['image']}. To"
            f" show the task to {entry['owner']}, run: {push}"
        )
    for entry in report.authorless:
        warn(
            f"{entry['image']}: the account of an author was deleted on the server. The annotation"
            f" counts for {entry['annotator']}."
        )
    for email in report.removed:
        warn(
            f"{email}: account removed on the server; the next push assigns the open images to"
            " other annotators"
        )


def _print_server(report: PullReport, push: str, pull: str) -> None:
    """Warn of projects that are gone, and of tasks that the workspace did not create."""
    for number in report.lost_projects:
        warn(f"project {number} was deleted on the server. To create it again, run: {push}")
    for entry in report.copies:
        task, copy = entry["task"], entry["copy"]
        warn(
            f"{entry['image']}: task {copy} is a copy of task {task}, and the text of"
            f" {', '.join(entry['annotators'])} in it is not used. If task {task} has no text,"
            f" delete it on the server and run: {pull}. Otherwise, copy the text to task {task}"
            f" and delete task {copy}."
        )
    if report.unknown_tasks:
        shown = ", ".join(map(str, report.unknown_tasks[:MAX_TASKS]))
        warn(
            f"ignored {count_of(len(report.unknown_tasks), 'task')} on the server that this"
            f" workspace did not create: {shown}"
        )


def print_misplaced(folder: Path, report: CheckReport) -> None:
    """Print the text that is stored for the wrong image, and the next command.

    Args:
        folder: The workspace, for the commands in hints.
        report: The result of the check.
    """
    for entry in report.misplaced:
        right = entry["written_for"] or "an image that is not in this workspace"
        for raw in entry["sentences"]:
            line = f"{entry['image']}: {entry['annotator']} wrote this for {right}: {raw}"
            click.echo(printable(line))
    for entry in report.doubtful:
        written = f"{entry['annotator']} may have written this for another image"
        for raw in entry["sentences"]:
            click.echo(printable(f"{entry['image']}: {written}: {raw}"))
    click.echo(
        f"annotations checked: {report.checked}, misplaced: {len(report.misplaced)},"
        f" doubtful: {len(report.doubtful)}, removed: {report.fixed}"
    )
    if report.unchecked:
        number = count_of(report.unchecked, "annotation")
        warn(f"{number} could not be checked: deleted on the server")
    again = command_line("annotate", "pull", folder)
    if report.fixed:
        click.echo(f"To store them for the right images, run: {again}")
    elif report.misplaced:
        click.echo(f"To remove the misplaced text, run: {again} --check --fix")
    if report.doubtful:
        reject = command_line("annotate", "review", folder, "--reject", "FILE")
        click.echo(
            "Compare the doubtful sentences with their images. To exclude wrong ones from the"
            f" dataset, run: {reject}"
        )

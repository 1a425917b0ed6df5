"""``rsitmd annotate pull``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.annotate.task_warnings import print_moves
from rsitmd_tools.cli.messages import warn
from rsitmd_tools.cli.options import json_option, print_json, workspace_argument
from rsitmd_tools.errors import command_line, count_of


@click.command("pull")
@workspace_argument
@click.option(
    "--check",
    is_flag=True,
    help="Only search for text that is stored for the wrong image; fetch nothing.",
)
@click.option("--fix", is_flag=True, help="With --check: remove such text from the wrong image.")
@json_option
def command(folder: Path, check: bool, fix: bool, as_json: bool) -> None:
    """Fetch annotations from the server into the workspace.

    Later calls fetch only what changed. The workspace keeps every revision of an annotation,
    with its annotator, its time and its number on the server.

    `--check` is for workspaces of earlier versions of this tool. Those could store text for the
    wrong image after tasks had been deleted on the server. The exit code is 1 if such text is
    found.

    \b
    Examples:
      rsitmd annotate pull my-dataset
      rsitmd annotate pull my-dataset --check
      rsitmd annotate pull my-dataset --check --fix
    """
    if fix and not check:
        from rsitmd_tools.errors import WrongUsage

        raise WrongUsage("--fix requires --check", hint="add --check")
    if check:
        _check(folder, fix, as_json)
        return
    from dataclasses import asdict

    from rsitmd_tools.studio.sync.pull import pull
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=True) as workspace:
        report = pull(workspace)
    if as_json:
        print_json(asdict(report))
        return
    push = command_line("annotate", "push", folder)
    click.echo(
        f"annotations: {report.new} new, {report.changed} changed, {report.deleted} deleted"
        f" ({count_of(report.corrected, 'requested correction')},"
        f" {count_of(report.skipped, 'skip')}, {count_of(report.drafts, 'draft')},"
        f" {count_of(report.blank, 'empty sentence')})"
    )
    print_moves(folder, report.adopted_tasks, report.removed_tasks, report.deletions)
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
    if report.accepted:
        click.echo(f"annotators who accepted the licence: {report.accepted}")
    if report.doubled:
        click.echo(f"duplicate annotations on the server, counted once: {report.doubled}")
    if report.folded:
        folded = count_of(report.folded, "sentence")
        click.echo(f"line breaks replaced by spaces in {folded}", err=True)
    for entry in report.foreign:
        warn(
            f"{entry['image']}: {entry['changed_by']} changed the annotation of"
            f" {entry['annotator']}"
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
    for number in report.lost_projects:
        warn(f"project {number} was deleted on the server. To create it again, run: {push}")
    if report.unknown_tasks:
        shown = ", ".join(map(str, report.unknown_tasks[:5]))
        warn(
            f"ignored {count_of(len(report.unknown_tasks), 'task')} on the server that this"
            f" workspace did not create: {shown}"
        )


def _check(folder: Path, fix: bool, as_json: bool) -> None:
    from dataclasses import asdict

    from rsitmd_tools.errors import printable
    from rsitmd_tools.studio.sync.misplaced import check
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=fix) as workspace:
        report = check(workspace, fix=fix)
    if as_json:
        print_json(asdict(report))
    else:
        for entry in report.misplaced:
            right = entry["written_for"] or "an image that is not in this workspace"
            for raw in entry["sentences"]:
                click.echo(
                    printable(
                        f"{entry['image']}: {entry['annotator']} wrote this for {right}: {raw}"
                    )
                )
        for entry in report.doubtful:
            for raw in entry["sentences"]:
                click.echo(
                    printable(
                        f"{entry['image']}: {entry['annotator']} may have written this for another"
                        f" image: {raw}"
                    )
                )
        click.echo(
            f"annotations checked: {report.checked}, misplaced: {len(report.misplaced)},"
            f" doubtful: {len(report.doubtful)}, removed: {report.fixed}"
        )
        if report.unchecked:
            warn(
                f"{count_of(report.unchecked, 'annotation')} could not be checked: deleted on the"
                " server"
            )
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
    if report.doubtful or (report.misplaced and not report.fixed):
        raise SystemExit(1)

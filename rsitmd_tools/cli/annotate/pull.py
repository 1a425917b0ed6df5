"""``rsitmd annotate pull``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import count_of, json_option, print_json, workspace_argument


@click.command("pull", short_help="Bring annotations into the workspace.")
@workspace_argument
@click.option(
    "--check",
    is_flag=True,
    help="Pull nothing. Find texts that are stored for another image than they were written for.",
)
@click.option("--fix", is_flag=True, help="With --check: take them away from the wrong image.")
@json_option
def command(folder: Path, check: bool, fix: bool, as_json: bool) -> None:
    """Bring in what people wrote; again brings only what changed.

    Every revision is kept with its annotator, time and number on the server.

    `--check` is for workspaces of earlier versions, which could store a text for the wrong
    image after tasks had been deleted on the server. It exits with 1 if it finds one.

    \b
    Examples:
      rsitmd annotate pull my-dataset
      rsitmd annotate pull my-dataset --check
      rsitmd annotate pull my-dataset --check --fix
    """
    if fix and not check:
        raise click.UsageError("--fix needs --check.")
    if check:
        _check(folder, fix, as_json)
        return
    import shlex
    from dataclasses import asdict

    from rsitmd_tools.cli.annotate.moves import print_moves, warn
    from rsitmd_tools.studio.sync.pull import pull
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=True) as workspace:
        report = pull(workspace)
    if as_json:
        print_json(asdict(report))
        return
    push = shlex.join(["rsitmd", "annotate", "push", str(folder)])
    click.echo(
        f"annotations: {report.new} new, {report.changed} changed, {report.deleted} deleted"
        f" ({report.corrected} sentences corrected as asked, {report.skipped} skips,"
        f" {report.drafts} drafts, {report.blank} sentences left empty)"
    )
    print_moves(str(folder), report.adopted_tasks, report.removed_tasks, report.deletions)
    for entry in report.incomplete:
        numbers = ", ".join(map(str, entry["missing"]))
        warn(f"{entry['image']}: {entry['annotator']} left sentence {numbers} empty")
    for entry in report.reopened:
        numbers = ", ".join(map(str, entry["sentences"]))
        warn(
            f"{entry['image']}: {entry['annotator']} changed sentence {numbers}, which was"
            " accepted. The new text is not accepted yet."
        )
    for entry in report.changed_pages:
        renamed = ", ".join(f"{old} is called {new}" for new, old in entry["renamed"].items())
        warn(
            f"The page of project {entry['project']} was changed on the server"
            + (f" ({renamed}). Texts in renamed fields are read." if renamed else ".")
            + f" To restore the page, run: {push}"
        )
    for entry in report.unread:
        warn(
            f"{entry['image']} by {entry['annotator']}: {count_of(entry['texts'], 'text')} in the"
            f" field {entry['field']!r}, which is not read. The workspace keeps the text."
            f" To restore the page, run: {push}"
        )
    if report.accepted:
        click.echo(f"people who accepted the licence: {report.accepted}")
    if report.doubled:
        click.echo(f"annotations that the server made twice, counted once: {report.doubled}")
    if report.folded:
        click.echo(f"{report.folded} sentences with line breaks were put on one line", err=True)
    for entry in report.foreign:
        warn(
            f"{entry['image']}: the text of {entry['annotator']} was changed by"
            f" {entry['changed_by']}"
        )
    for email in report.removed:
        click.echo(
            f"warning: {email}: account removed on the server; the next push gives the open"
            " images to others",
            err=True,
        )
    for number in report.lost_projects:
        warn(f"project {number} was deleted on the server. To make it anew, run: {push}")
    if report.unknown_tasks:
        shown = ", ".join(map(str, report.unknown_tasks[:5]))
        warn(
            f"{count_of(len(report.unknown_tasks), 'task')} on the server without a key of this"
            f" workspace, not read: {shown}"
        )


def _check(folder: Path, fix: bool, as_json: bool) -> None:
    import shlex
    from dataclasses import asdict

    from rsitmd_tools.cli.annotate.moves import warn
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
            f" doubtful: {len(report.doubtful)}, taken away: {report.fixed}"
        )
        if report.unchecked:
            warn(
                f"{count_of(report.unchecked, 'annotation')} cannot be checked: no longer on the"
                " server"
            )
        command = ["rsitmd", "annotate", "pull", str(folder)]
        if report.fixed:
            click.echo(f"To store them for the right images, run: {shlex.join(command)}")
        elif report.misplaced:
            click.echo(f"To take them away, run: {shlex.join([*command, '--check', '--fix'])}")
        if report.doubtful:
            reject = ["rsitmd", "annotate", "review", str(folder), "--reject", "FILE"]
            click.echo(
                "Compare the doubtful sentences with their images. To leave wrong ones out of the"
                f" dataset, run: {shlex.join(reject)}"
            )
    if report.doubtful or (report.misplaced and not report.fixed):
        raise SystemExit(1)

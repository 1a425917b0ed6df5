"""``rsitmd annotate pull``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument


@click.command("pull", short_help="Bring annotations into the workspace.")
@workspace_argument
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Bring in what people wrote; again brings only what changed.

    Every revision is kept with its annotator, time and number on the server.

    \b
    Examples:
      rsitmd annotate pull my-dataset
    """
    from dataclasses import asdict

    from rsitmd_tools.studio.pull import pull
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=True) as workspace:
        report = pull(workspace)
    if as_json:
        print_json(asdict(report))
        return
    click.echo(
        f"annotations: {report.new} new, {report.changed} changed, {report.deleted} deleted"
        f" ({report.corrected} sentences corrected as asked, {report.skipped} skips,"
        f" {report.drafts} drafts, {report.blank} sentences left empty)"
    )
    if report.accepted:
        click.echo(f"people who accepted the licence: {report.accepted}")
    if report.doubled:
        click.echo(f"annotations that the server made twice, counted once: {report.doubled}")
    if report.folded:
        click.echo(f"{report.folded} sentences with line breaks were put on one line", err=True)
    for entry in report.left_empty:
        click.echo(
            f"warning: {entry['image']}: {entry['annotator']} left sentence"
            f" {entry['sentences']} empty",
            err=True,
        )
    for entry in report.foreign:
        click.echo(
            f"warning: {entry['image']}: the text of {entry['annotator']} was changed by"
            f" {entry['changed_by']}",
            err=True,
        )
    for number in report.lost_projects:
        click.echo(f"warning: project {number} is gone from the server", err=True)
    if report.unknown_tasks:
        shown = ", ".join(map(str, report.unknown_tasks[:5]))
        click.echo(
            f"warning: {len(report.unknown_tasks)} tasks were not made by this workspace and are"
            f" left out: {shown}",
            err=True,
        )

"""``rsitmd annotate push``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument


@click.command("push", short_help="Send images as tasks, each once.")
@workspace_argument
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Send every image as one task; run it again after new images or an interruption.

    \b
    Examples:
      rsitmd annotate push my-dataset
    """
    from dataclasses import asdict

    from rsitmd_tools.studio.push import push
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=True) as workspace:
        report = push(workspace)
    if as_json:
        print_json(asdict(report))
        return
    click.echo(f"tasks: {report.new} new, {report.found} found, {report.known} known")
    click.echo(f"page: {report.url}")
    click.echo(f"annotators work at: {report.url}?labeling=1")

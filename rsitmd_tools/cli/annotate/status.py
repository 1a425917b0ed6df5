"""``rsitmd annotate status``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument


@click.command("status", short_help="Say how far the campaign is.")
@workspace_argument
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Say how far the campaign is, as of the last pull.

    \b
    Examples:
      rsitmd annotate status my-dataset
      rsitmd annotate status my-dataset --json
    """
    from rsitmd_tools.studio.status import status
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder) as workspace:
        state = status(workspace)
    if as_json:
        print_json(state)
        return
    click.echo(f"server: {state['url'] or 'not running'}")
    click.echo(f"images: {state['images']}, {state['tasks']} tasks, {state['complete']} complete")
    click.echo(f"annotations: {state['annotations']}")
    for email, count in state["annotators"].items():
        click.echo(f"  {email}: {count}")

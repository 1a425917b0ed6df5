"""``rsitmd annotate invite``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import workspace_argument


@click.command("invite")
@workspace_argument
def command(folder: Path) -> None:
    """Print the link with which annotators sign up.

    Send it to your annotators. The server must be running.

    \b
    Examples:
      rsitmd annotate invite my-dataset
    """
    from rsitmd_tools.studio.api.accounts import invitation_link
    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.api.connection import connection_of
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder) as workspace:
        click.echo(invitation_link(Client(connection_of(workspace))))

"""``rsitmd build init``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import workspace_argument


@click.command("init", short_help="Create a workspace.")
@workspace_argument
@click.option("--name", help="Name of the dataset; by default the name of the folder.")
def command(folder: Path, name: str | None) -> None:
    """Create a workspace: rsitmd.toml, workspace.db and images/.

    In an existing workspace, it migrates an older database and changes nothing else.

    \b
    Examples:
      rsitmd build init my-dataset
      rsitmd build init my-dataset --name "Harbours of the North"
    """
    from rsitmd_tools.workspace import Workspace

    with Workspace.create(folder, name):
        pass
    click.echo(f"workspace: {folder}")
    click.echo(f"next: rsitmd build ingest {folder} FOLDER_OF_IMAGES")

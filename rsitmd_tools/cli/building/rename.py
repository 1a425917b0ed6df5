"""``rsitmd build rename``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument


@click.command("rename")
@workspace_argument
@click.argument("image", metavar="IMAGE")
@click.option("--to", metavar="NAME", required=True, help="The new file name.")
@click.option("--reason", metavar="TEXT", default="", help="Why, for the history; optional.")
@json_option
def command(folder: Path, image: str, to: str, reason: str, as_json: bool) -> int:
    """Give an image another file name, with its texts, split and history.

    A name that another image has or had is refused, so that a name in an earlier release never
    means another image. So is a name that begins with another category. The next push changes
    the name in the tasks.

    \b
    Examples:
      rsitmd build rename my-dataset port_3.tif --to port_103.tif
    """
    from dataclasses import asdict

    from rsitmd_tools.ingest import renaming
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=True) as workspace:
        result = renaming.rename(workspace, image, to, reason)
    if as_json:
        print_json(asdict(result))
        return 0
    for entry in result.changed:
        click.echo(f"renamed: {entry['before']} is now {entry['after']}")
    for name in result.unchanged:
        click.echo(f"unchanged: {name} has this name already")
    return 0

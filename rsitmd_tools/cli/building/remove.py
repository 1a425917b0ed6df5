"""``rsitmd build remove``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.messages import note
from rsitmd_tools.cli.options import json_option, print_json, workspace_argument
from rsitmd_tools.errors import WrongUsage, count_of


@click.command("remove")
@workspace_argument
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option(
    "--reason", metavar="TEXT", default="", help="Why, for the history; required to remove."
)
@click.option("--restore", is_flag=True, help="Put removed images back.")
@json_option
def command(
    folder: Path, images: tuple[str, ...], reason: str, restore: bool, as_json: bool
) -> int:
    """Remove images from the dataset: no check, split, queue or release contains them.

    No text or file is deleted: the texts stay in the database, the files are moved to
    DIR/removed, and the source files are not touched. All other images keep their names and
    splits. The next push deletes the tasks without an annotation, and marks the others as
    removed. A later ingest does not add the images again.

    \b
    Examples:
      rsitmd build remove my-dataset port_3.tif --reason "the owner asked us to"
      rsitmd build remove my-dataset port_3.tif --restore
    """
    from dataclasses import asdict

    from rsitmd_tools.ingest import corrections
    from rsitmd_tools.workspace import Workspace

    if not restore and not reason.strip():
        raise WrongUsage("a removal requires a reason", hint="add one with --reason TEXT")
    with Workspace.open(folder, write=True) as workspace:
        if restore:
            result = corrections.restore(workspace, images, reason)
        else:
            result = corrections.remove(workspace, images, reason)
    if as_json:
        print_json(asdict(result))
        return 0
    done = "restored" if restore else "removed"
    again = "had not been removed" if restore else "had been removed before"
    click.echo(
        f"{done}: {count_of(len(result.changed), 'image')}"
        + (f"; {again}: {', '.join(result.unchanged)}" if result.unchanged else "")
    )
    for name in result.missing_files:
        note(f"{name} has no file; ingest its source again to restore it")
    click.echo(f"images: {sum(result.categories.values())} in the dataset")
    return 0

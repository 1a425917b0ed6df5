"""``rsitmd annotate restore``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.messages import warn
from rsitmd_tools.cli.options import FILE
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import command_line, count_of


@click.command("restore")
@click.argument("file", metavar="FILE", type=FILE)
@click.argument("folder", metavar="DIR", type=PathType(file_okay=False, path_type=Path))
def command(file: Path, folder: Path) -> None:
    """Restore a backup into DIR.

    DIR must not exist. The checksum of every file is verified.

    \b
    Examples:
      rsitmd annotate restore backups/monday.tar my-dataset
    """
    from rsitmd_tools.studio.api.connection import is_connected
    from rsitmd_tools.studio.campaign.backup import restore
    from rsitmd_tools.studio.server.database import recorded_postgres

    count = restore(file, folder)
    push, pull = (command_line("annotate", each, folder) for each in ("push", "pull"))
    click.echo(f"{folder}: {count_of(count, 'file')} restored")
    if is_connected(folder / "studio"):
        click.echo(f"To continue the campaign, run: {push}; {pull}")
        warn(
            "the original workspace uses the same server. Continue with one of the two: a push"
            " removes the notes on sentences that the other has sent back."
        )
        return
    click.echo(f"To start the server, run: {command_line('annotate', 'serve', folder)}")
    click.echo(f"Then run: {push}; {pull}")
    postgres = recorded_postgres(folder / "studio")
    if postgres is not None:
        warn(
            f"the server uses the database of the original workspace, {postgres}. If the original"
            " is still in use, restore the dump of pg_dump into another database and pass its URL"
            " with --postgres."
        )

"""``rsitmd annotate restore``."""

from __future__ import annotations

import shlex
from pathlib import Path

import click


@click.command("restore", short_help="Restore a backup into a new folder.")
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def command(file: Path, folder: Path) -> None:
    """Restore a backup into DIR, which must not exist; every file is checked.

    \b
    Examples:
      rsitmd annotate restore backups/monday.tar my-dataset
    """
    from rsitmd_tools.studio.campaign.backup import restore

    count = restore(file, folder)
    shown = shlex.quote(str(folder))
    click.echo(f"{folder}: {count} files")
    click.echo(f"start its server: rsitmd annotate serve {shown}")
    click.echo(f"then: rsitmd annotate push {shown}; rsitmd annotate pull {shown}")

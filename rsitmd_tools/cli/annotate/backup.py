"""``rsitmd annotate backup``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import count_of, json_option, print_json, workspace_argument

NOTES = {
    "postgres": "the server's data are in PostgreSQL and NOT in this file; run pg_dump now",
    "elsewhere": "the server's data are elsewhere and NOT in this file; back them up there",
    "none": "no server was started in this workspace yet",
}


@click.command("backup", short_help="Copy workspace and server data into one file.")
@workspace_argument
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@json_option
def command(folder: Path, file: Path, as_json: bool) -> None:
    """Copy a workspace and its server's data into FILE, consistently, while annotators work.

    FILE is a tar archive that includes the secrets; only its owner can read it.

    \b
    Examples:
      rsitmd annotate backup my-dataset backups/monday.tar
    """
    from dataclasses import asdict

    from rsitmd_tools.studio.campaign.backup import backup

    report = backup(folder, file)
    if as_json:
        print_json(asdict(report))
        return
    click.echo(f"{file}: {count_of(report.files, 'file')}, {report.size / 1e6:.1f} MB")
    if report.server in NOTES:
        click.echo(f"warning: {NOTES[report.server]}", err=True)

"""``rsitmd annotate backup``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.messages import warn
from rsitmd_tools.cli.options import FILE, json_option, print_json, workspace_argument
from rsitmd_tools.errors import count_of

NOTES = {
    "postgres": "this file does NOT contain the server's data, which is in PostgreSQL. Run"
    " pg_dump now.",
    "elsewhere": "this file does NOT contain the data of the connected server. Back up that"
    " server too.",
    "none": "no server has been started in this workspace yet, so the file contains no data of a"
    " server",
}


@click.command("backup")
@workspace_argument
@click.argument("file", metavar="FILE", type=FILE)
@json_option
def command(folder: Path, file: Path, as_json: bool) -> None:
    """Back up a workspace and the data of its server in FILE.

    The copy is consistent even while annotators work. FILE is a tar archive. It contains the
    server's secrets, so only its owner can read it. Links of the workspace are replaced by what
    they point to. Earlier backups are left out. Use `restore` to unpack FILE.

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
    if report.left_out:
        paths = count_of(len(report.left_out), "path")
        warn(f"not in this file: {paths}, first {report.left_out[0]}")
    if report.server in NOTES:
        warn(NOTES[report.server])

"""``rsitmd build split``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument


@click.command("split", short_help="Split into train, val and test.")
@workspace_argument
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Split the images into train, val and test.

    Stratified by category, seeded, and exact or near duplicates never in different
    splits. Shares, seed and nearness stand in rsitmd.toml, section [split].

    \b
    Examples:
      rsitmd build split my-dataset
    """
    from dataclasses import asdict

    from rsitmd_tools.splitting import split
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=True) as workspace:
        report = split(workspace)
    if as_json:
        print_json(asdict(report))
        return
    counts = ", ".join(f"{name} {count}" for name, count in report.images.items())
    click.echo(f"split: {counts} (seed {report.seed}, {report.kept_together} kept in groups)")

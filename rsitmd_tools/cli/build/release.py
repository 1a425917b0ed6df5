"""``rsitmd build release``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument

if TYPE_CHECKING:
    from rsitmd_tools.release import ReleaseReport


@click.command("release", short_help="Make a release that can be cited.")
@workspace_argument
@click.option("--version", required=True, help="A semantic version, such as 1.0.0.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="The release's folder; nothing else may be there.",
)
@json_option
def command(folder: Path, version: str, output: Path, as_json: bool) -> None:
    """Make a release: images, dataset_RSITMD.json, precomp, prior, statistics, checksums.

    Images that have not all their sentences yet are left out; release.json names them. It
    takes every sentence that is neither sent back nor rejected; with `only_accepted = true`
    under `[release]` in rsitmd.toml, only those that a reviewer has accepted. release.json says
    how many sentences are a human's and how many began as a machine's text.
    Annotators appear by number, never by address. The folder appears whole or not at
    all, and the same workspace gives the same bytes; `sha256sum -c SHA256SUMS` checks it.

    \b
    Examples:
      rsitmd build release my-dataset --version 1.0.0 -o my-dataset-1.0.0
    """
    from dataclasses import asdict

    from rsitmd_tools.release import make_release
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=True) as workspace:
        report = make_release(workspace, version, output)
    if report.left_out:
        click.echo(
            f"left out: {report.left_out} images without all their sentences"
            f"{' accepted' if report.only_accepted else ''}, named in {output / 'release.json'}",
            err=True,
        )
    if report.no_precomp:
        click.echo(f"left out: precomp/: {report.no_precomp}", err=True)
    if report.not_accepted:
        click.echo(
            f"warning: {', '.join(report.not_accepted)} wrote and have not accepted the licence:"
            f" rsitmd annotate status {folder}",
            err=True,
        )
    if as_json:
        print_json(asdict(report))
        return
    click.echo(_reviewed(report))
    counts = ", ".join(f"{name} {count}" for name, count in report.images.items())
    click.echo(f"release: {counts}; {report.sentences} sentences, {report.keywords} keywords")
    click.echo(f"folder: {output}")


def _reviewed(report: ReleaseReport) -> str:
    """Say how many sentences nobody has accepted, and where they are."""
    setting = f"([release] only_accepted = {str(report.only_accepted).lower()} in rsitmd.toml)"
    where = "are left out" if report.only_accepted else "are in the release"
    return f"not accepted: {report.unreviewed} sentences {where} {setting}"

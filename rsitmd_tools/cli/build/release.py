"""``rsitmd build release``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument


@click.command("release", short_help="Make a release that can be cited.")
@workspace_argument
@click.option("--version", "version", required=True, help="Semantic version, such as 1.0.0.")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="The folder to make; it must not exist.",
)
@json_option
def command(folder: Path, version: str, output: Path, as_json: bool) -> None:
    """Make a release of the finished images.

    It holds images/, dataset_RSITMD.json, precomp/, the prior of each split,
    statistics.json, release.json and SHA256SUMS. Images that lack sentences are left
    out and named in release.json. Annotators appear as numbers, never by address. The
    same workspace gives the same bytes.

    \b
    Examples:
      rsitmd build release my-dataset --version 1.0.0 -o my-dataset-1.0.0
      cd my-dataset-1.0.0 && sha256sum --check SHA256SUMS
    """
    from dataclasses import asdict

    from rsitmd_tools.release import make_release
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder) as workspace:
        report = make_release(workspace, version, output)
    if report.left_out:
        click.echo(
            f"left out: {len(report.left_out)} images that lack sentences "
            f"({output / 'release.json'} names them)",
            err=True,
        )
    if report.no_precomp:
        click.echo(f"left out: precomp/: {report.no_precomp}", err=True)
    if as_json:
        print_json({**asdict(report), "folder": str(report.folder)})
        return
    splits = ", ".join(f"{name} {count}" for name, count in report.images.items())
    click.echo(f"images: {sum(report.images.values())} ({splits})")
    click.echo(f"sentences: {report.sentences}, keywords: {report.keywords}")
    click.echo(f"release: {output} ({version}, data {report.checksum[:12]})")

"""``rsitmd build ingest``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument


@click.command("ingest", short_help="Take in images from class folders.")
@workspace_argument
@click.argument(
    "sources", metavar="SRC...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--category", help="One category for all; by default the folder's name.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes; one a core by default.")
@json_option
def command(
    folder: Path,
    sources: tuple[Path, ...],
    category: str | None,
    workers: int | None,
    as_json: bool,
) -> int:
    """Take in TIFF, JPEG and PNG images as RGB TIFF <category>_<number>.tif.

    The category is the name of an image's folder, or the one in its own name
    (port_3.jpg). The same content is taken in once. Files that cannot be used are kept
    out and listed with the reason; the rest goes in.

    \b
    Examples:
      rsitmd build ingest my-dataset photos/           # photos/port/a.jpg, photos/beach/b.png
      rsitmd build ingest my-dataset new/ --category harbour
    """
    from dataclasses import asdict

    from rsitmd_tools.errors import printable
    from rsitmd_tools.ingest import ingest
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=True) as workspace:
        report = ingest(workspace, sources, category, workers)
    if as_json:
        print_json(asdict(report))
    else:
        click.echo(
            f"images: {report.added} added, {report.known} known, "
            f"{len(report.rejected)} kept out, {report.duplicates} in groups of duplicates"
        )
        for source, problem in report.rejected:
            click.echo(f"kept out: {printable(source)}: {problem}", err=True)
    return 0 if report.added or report.known else 1

"""``rsitmd build ingest``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument

if TYPE_CHECKING:
    from rsitmd_tools.ingest import IngestReport


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

    The category is the name of an image's folder; of an image that lies directly in SRC
    or in a folder "images" it is the one in its own name (port_3.jpg), else SRC's. The
    same content is taken in once. Files that cannot be used are kept out and listed with
    the reason; the rest goes in, and the exit code is 1 only if nothing could be.

    Images are cut to the largest centred square and resized to dataset.image_size;
    transparent pixels become black, values of more than 8 bits are stretched, and of
    several pages the first counts. Links to folders, and links that lead out of SRC, are
    not followed.

    \b
    Examples:
      rsitmd build ingest my-dataset photos/           # photos/port/a.jpg, photos/beach/b.png
      rsitmd build ingest my-dataset new/ --category harbour
    """
    from dataclasses import asdict

    from rsitmd_tools.ingest import ingest
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=True) as workspace:
        report = ingest(workspace, sources, category, workers)
    if as_json:
        print_json(asdict(report))
    else:
        _print(report)
    return 0 if report.added or report.known else 1


def _print(report: IngestReport) -> None:
    from rsitmd_tools.errors import printable

    click.echo(
        f"images: {report.added} added, {report.known} known, {len(report.rejected)} kept out; "
        f"{report.duplicates} are duplicates, in {report.duplicate_groups} groups"
    )
    if report.restored:
        click.echo(f"restored: {report.restored} images whose file was gone")
    if report.skipped:
        click.echo(f"skipped: {report.skipped} other files or links")
    for source, problem in report.rejected:
        click.echo(f"kept out: {printable(source)}: {printable(problem)}", err=True)
    for source, filename in report.other_category:
        click.echo(f"note: {printable(source)} is {filename}, of another category", err=True)

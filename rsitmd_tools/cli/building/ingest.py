"""``rsitmd build ingest``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.building.band_options import band_options
from rsitmd_tools.cli.options import json_option, print_json, workspace_argument
from rsitmd_tools.errors import count_of

if TYPE_CHECKING:
    from rsitmd_tools.imaging.options import BandOptions
    from rsitmd_tools.ingest import IngestReport


@click.command("ingest", short_help="Add images from class folders.")
@workspace_argument
@click.argument(
    "sources", metavar="SRC...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--category", help="Category of all images; by default the folder name.")
@click.option(
    "--workers", type=click.IntRange(1, 64), help="Number of processes; one per core by default."
)
@band_options
@json_option
def command(
    folder: Path,
    sources: tuple[Path, ...],
    category: str | None,
    workers: int | None,
    options: BandOptions,
    outside: bool,
    as_json: bool,
) -> int:
    """Add images as RGB TIFF files <category>_<number>.tif.

    TIFF, JPEG, PNG, WebP, JPEG 2000 and VRT files are read. The category is the name of the
    image's folder. For an image directly in SRC or in a folder named "images", it is the prefix
    of the file name (port_3.jpg) if there is one, otherwise the name of SRC. Identical files are
    added once. Unusable files are rejected and listed with the reason. The exit code is 1 only
    if no file could be used.

    Images are cropped to the largest centred square and resized to dataset.image_size.
    Pixels that are transparent, masked, nodata or NaN become black. Values of more than 8 bits
    are stretched from their 2nd to 98th percentile, and only the first page of a file is read.
    Links to folders and links that point outside SRC are not followed.

    \b
    Examples:
      rsitmd build ingest my-dataset photos/           # photos/port/a.jpg, photos/beach/b.png
      rsitmd build ingest my-dataset new/ --category harbour
      rsitmd build ingest my-dataset scenes/ --bands 4,3,2 --range 0,10000
    """
    from dataclasses import asdict

    from rsitmd_tools.ingest import ingest
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=True) as workspace:
        report = ingest(workspace, sources, category, workers, options=options, outside=outside)
    if as_json:
        print_json(asdict(report))
    else:
        _print(report)
    return 0 if report.added or report.known else 1


def _print(report: IngestReport) -> None:
    from rsitmd_tools.errors import printable

    click.echo(
        f"images: {report.added} added, {report.known} known, {len(report.rejected)} rejected; "
        f"{count_of(report.duplicates, 'duplicate')} in "
        f"{count_of(report.duplicate_groups, 'group')}"
    )
    if report.restored:
        click.echo(f"restored: {count_of(report.restored, 'missing image file')}")
    if report.skipped:
        click.echo(f"skipped: {count_of(report.skipped, 'file')} (other types, or links)")
    for source, problem in report.rejected:
        click.echo(f"rejected: {printable(source)}: {printable(problem)}", err=True)
    for source, note in report.notes:
        click.echo(f"note: {printable(source)}: {printable(note)}", err=True)
    for source, filename in report.other_category:
        click.echo(
            f"note: {printable(source)} is known as {filename}; its category stays", err=True
        )

"""``rsitmd build ingest``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.building.band_options import band_options
from rsitmd_tools.cli.building.tile_options import TileArguments, print_tiles, tile_options
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
@tile_options
@json_option
def command(
    folder: Path,
    sources: tuple[Path, ...],
    category: str | None,
    workers: int | None,
    options: BandOptions,
    outside: bool,
    as_json: bool,
    tiles: TileArguments,
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

    With --tile SIZE, scenes of any size become square tiles of SIZE pixels, which are resized to
    dataset.image_size. Tiles at an edge are shifted inside. With --grid-of FILE, tiles are taken
    at given places: a point is the centre of a tile of SIZE pixels, a polygon gives the square
    around it. Tiles that overlap on the ground are kept in one split. `rsitmd build where`
    prints the place of a tile.

    \b
    Examples:
      rsitmd build ingest my-dataset photos/           # photos/port/a.jpg, photos/beach/b.png
      rsitmd build ingest my-dataset new/ --category harbour
      rsitmd build ingest my-dataset scenes/ --bands 4,3,2 --range 0,10000
      rsitmd build ingest my-dataset scenes/ --tile 512 --stride 256 --resize 256
      rsitmd build ingest my-dataset scenes/ --tile 256 --gsd 0.5 --block 1km
      rsitmd build ingest my-dataset scenes/ --tile 256 --grid-of places.geojson
    """
    from dataclasses import asdict

    from rsitmd_tools.ingest import ingest
    from rsitmd_tools.ingest.image_size import set_image_size
    from rsitmd_tools.ingest.spatial import group_places, parse_block
    from rsitmd_tools.ingest.tiles import ingest_tiles
    from rsitmd_tools.workspace import Workspace

    tiles.check()
    block = None if tiles.block is None else parse_block(tiles.block)
    cut = tiles.options(options) if tiles.tiling else None
    with Workspace.open(folder, write=True) as workspace:
        if tiles.resize is not None:
            set_image_size(workspace, tiles.resize)
        report: IngestReport
        if cut is not None:
            report = ingest_tiles(workspace, sources, cut, category, workers, block=block)
        else:
            report = ingest(workspace, sources, category, workers, options=options, outside=outside)
            if block is not None:
                group_places(workspace, block)
    if as_json:
        print_json(asdict(report))
    else:
        _print(report)
    return 0 if report.added or report.known else 1


def _print(report: IngestReport) -> None:
    from rsitmd_tools.errors import printable
    from rsitmd_tools.ingest.tiles import TileReport

    click.echo(
        f"images: {report.added} added, {report.known} known, {len(report.rejected)} rejected; "
        f"{count_of(report.duplicates, 'duplicate')} in "
        f"{count_of(report.duplicate_groups, 'group')}"
    )
    if isinstance(report, TileReport):
        print_tiles(report)
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

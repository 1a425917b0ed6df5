"""``rsitmd build ingest``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.band_options import band_options
from rsitmd_tools.cli.building.tile_options import TileArguments, print_tiles, tile_options
from rsitmd_tools.cli.messages import list_some, note
from rsitmd_tools.cli.options import (
    FILE,
    check_page,
    json_option,
    print_json,
    workers_option,
    workspace_argument,
)
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import WrongUsage, count_of

if TYPE_CHECKING:
    from rsitmd_tools.imaging.options import BandOptions
    from rsitmd_tools.ingest import IngestReport
    from rsitmd_tools.ingest.categories import CategoryRule

COUNT = click.IntRange(1)
MOST_KINDS = 5  # kinds of skipped files that are printed; --json has all


@click.command("ingest")
@workspace_argument
@click.argument("sources", metavar="SRC...", nargs=-1, required=True, type=PathType(path_type=Path))
@click.option("--category", help="Category of all images; by default the folder name.")
@click.option(
    "--categories",
    "table",
    metavar="FILE.csv",
    type=FILE,
    help="Categories from a table with the columns file (path below SRC) and category.",
)
@click.option(
    "--category-pattern",
    "pattern",
    metavar="REGEX",
    help="Categories from the group (?P<category>...) in the path below SRC.",
)
@click.option("--no-category", is_flag=True, help="No categories: files image_1.tif, ...")
@click.option("--per-category", metavar="N", type=COUNT, help="Add N random images per category.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of --per-category.")
@click.option(
    "--diverse",
    metavar="N",
    type=COUNT,
    help="Add the N images that differ most from one another.",
)
@click.option(
    "--diverse-per-category",
    metavar="N",
    type=COUNT,
    help="Add the N images of each category that differ most from one another.",
)
@click.option("--keep-originals", is_flag=True, help="Copy the source files to DIR/originals.")
@workers_option
@band_options
@tile_options
@click.option(
    "--html",
    "page",
    metavar="FILE",
    type=FILE,
    help="Write a page with a map of the footprints and a contact sheet.",
)
@json_option
def command(
    folder: Path,
    sources: tuple[Path, ...],
    category: str | None,
    table: Path | None,
    pattern: str | None,
    no_category: bool,
    per_category: int | None,
    seed: int,
    diverse: int | None,
    diverse_per_category: int | None,
    keep_originals: bool,
    workers: int | None,
    options: BandOptions,
    outside: bool,
    as_json: bool,
    tiles: TileArguments,
    page: Path | None,
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

    With --categories and --category-pattern, images without a category are listed and not
    added. Files that did not change since the last ingest are not read again. A file that
    changed becomes a new image, and a note names the image of its earlier content. Images that
    were removed (rsitmd build remove) are not added again.

    \b
    Examples:
      rsitmd build ingest my-dataset photos/           # photos/port/a.jpg, photos/beach/b.png
      rsitmd build ingest my-dataset new/ --category harbour
      rsitmd build ingest my-dataset scenes/ --bands 4,3,2 --range 0,10000
      rsitmd build ingest my-dataset scenes/ --tile 512 --stride 256 --resize 256
      rsitmd build ingest my-dataset scenes/ --tile 256 --gsd 0.5 --block 1km
      rsitmd build ingest my-dataset scenes/ --tile 256 --grid-of places.geojson --html page.html
      rsitmd build ingest my-dataset photos/ --category-pattern '^(?P<category>[a-z]+)-'
      rsitmd build ingest my-dataset photos/ --diverse 2000
    """
    from dataclasses import asdict

    from rsitmd_tools.ingest import ingest
    from rsitmd_tools.ingest.image_size import set_image_size
    from rsitmd_tools.ingest.sampling import Sampling
    from rsitmd_tools.ingest.spatial import group_places, parse_block
    from rsitmd_tools.workspace import Workspace
    from rsitmd_tools.workspace.outputs import refuse_own_file

    tiles.check()
    if page is not None:
        refuse_own_file(folder, page)
        check_page(page)
    block = None if tiles.block is None else parse_block(tiles.block)
    cut = tiles.options(options, outside) if tiles.tiling else None
    rule = _rule(category, table, pattern, no_category)
    sampling = Sampling(per_category, diverse, diverse_per_category, seed)
    if cut is not None and (sampling.chooses or keep_originals):
        raise WrongUsage(
            "--per-category, --diverse and --keep-originals do not work with --tile",
            hint="use --grid-of to take tiles at given places",
        )
    with Workspace.open(folder, write=True) as workspace:
        if tiles.resize is not None:
            set_image_size(workspace, tiles.resize)
        report: IngestReport
        if cut is not None:
            from rsitmd_tools.ingest.tiles import ingest_tiles

            report = ingest_tiles(workspace, sources, cut, rule, workers, block=block)
        else:
            report = ingest(
                workspace,
                sources,
                rule,
                workers,
                sampling=sampling if sampling.chooses else None,
                keep_originals=keep_originals,
                options=options,
                outside=outside,
            )
            if block is not None:
                group_places(workspace, block)
    if page is not None:
        from rsitmd_tools.atomic import write_text
        from rsitmd_tools.report.ingest_page import render

        write_text(page, render(folder, asdict(report)))
    if as_json:
        print_json(asdict(report))
    else:
        _print(report)
    if report.added or report.known or report.removed:
        return 0
    click.echo(f"error: {_why_nothing(report)}", err=True)
    return 1


def _rule(
    category: str | None, table: Path | None, pattern: str | None, no_category: bool
) -> CategoryRule | None:
    """Return the rule for categories that the options ask for; None for folder names.

    Raises:
        WrongUsage: Two options exclude each other, or one is invalid.
    """
    from rsitmd_tools.ingest.categories import ONE_FOR_ALL, FromPattern, FromTable, OneCategory

    given = [category is not None, table is not None, pattern is not None, no_category]
    if sum(given) > 1:
        raise WrongUsage(
            "two ways to get categories",
            hint="use one of --category, --categories, --category-pattern and --no-category",
        )
    if table is not None:
        return FromTable(table)
    if pattern is not None:
        return FromPattern(pattern)
    if no_category:
        return OneCategory(ONE_FOR_ALL)
    return None if category is None else OneCategory(category)


def _why_nothing(report: IngestReport) -> str:
    """Return why an ingest has no image, and a hint."""
    if report.rejected:
        return "no file could be used; correct the files that are listed"
    if report.uncategorised:
        return (
            "no file has a category; --category-pattern and the table of --categories must fit the"
            " paths below SRC"
        )
    if getattr(report, "left_out", 0):
        return "no tile has enough valid pixels; lower --min-valid"
    return "no given place has a tile; check the coordinates and the CRS of the places"


def _print(report: IngestReport) -> None:
    from rsitmd_tools.errors import printable

    click.echo(
        f"images: {report.added} added, {report.known} known, {len(report.rejected)} rejected; "
        f"{count_of(report.duplicates, 'duplicate')} in "
        f"{count_of(report.duplicate_groups, 'group')}"
    )
    print_tiles(report)
    if report.restored:
        click.echo(f"restored: {count_of(report.restored, 'missing image file')}")
    if report.removed:
        click.echo(f"not added: {count_of(report.removed, 'file')} (image was removed)")
    if report.not_chosen:
        click.echo(f"not chosen: {count_of(report.not_chosen, 'file')}")
    if report.skipped:
        kinds = list(report.skipped_kinds.items())
        named = [f"{count} {printable(kind)}" for kind, count in kinds[:MOST_KINDS]]
        more = sum(count for _, count in kinds[MOST_KINDS:])
        named += [f"{more} of other types"] if more else []
        click.echo(f"skipped: {count_of(report.skipped, 'file')} ({', '.join(named)})")
    counts = ", ".join(f"{name} {count}" for name, count in report.categories.items())
    if counts:
        click.echo(f"categories: {counts}")
    for name, names in report.joined.items():
        several = ", ".join(repr(each) for each in names)
        note(f"{several} are one category, {name}; use --categories FILE to keep them apart")
    for source, problem in report.rejected:
        click.echo(f"rejected: {printable(source)}: {printable(problem)}", err=True)
    for source, text in report.notes:
        note(f"{source}: {text}")
    list_some("no category", report.uncategorised)
    list_some("in the table of categories, but not found", report.unknown_files)
    known = [f"{source} is {filename}" for source, filename in report.other_category]
    list_some("known under another category, which stays", known)
    if report.outdated:
        source, filename = report.outdated[0]
        files = len({file for file, _ in report.outdated})
        note(
            f"{count_of(files, 'file')} changed after an earlier ingest; the dataset keeps"
            f" {count_of(len(report.outdated), 'image')} of the earlier content, such as"
            f" {filename} of {source}; `rsitmd build remove` takes images out"
        )

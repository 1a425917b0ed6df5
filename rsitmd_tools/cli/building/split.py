"""``rsitmd build split``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument
from rsitmd_tools.errors import WrongUsage, count_of

if TYPE_CHECKING:
    from rsitmd_tools.splitting import FoldReport, SplitReport

BLOCK = "block"
LISTED = 5  # large groups that are printed


def _shares(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> dict[str, float] | None:
    if text is None:
        return None
    try:
        train, val, test = (float(share) for share in text.split(","))
    except ValueError:
        raise click.BadParameter("must be three numbers, such as 0.8,0.1,0.1") from None
    return {"train": train, "val": val, "test": test}


@click.command("split", short_help="Split the images into train, val and test.")
@workspace_argument
@click.option(
    "--shares",
    "--ratios",
    "shares",
    metavar="TRAIN,VAL,TEST",
    callback=_shares,
    help="Shares of the splits, which sum to 1; by default those in rsitmd.toml.",
)
@click.option(
    "--folds",
    metavar="K",
    type=click.IntRange(2, 1000),
    help="Assign the images to K test folds for a cross-validation instead.",
)
@click.option("--seed", type=int, help="Random seed; by default that in rsitmd.toml.")
@click.option("--reassign", is_flag=True, help="Assign all images again.")
@click.option(
    "--by",
    type=click.Choice(["group", "block", "scene", "category"]),
    default="group",
    help="Unit that is kept in one split. group: similar images; block and scene: also all tiles of"
    " a block (see --block) or of a scene; category: whole categories.",
)
@click.option(
    "--keep",
    metavar="RELEASE",
    type=click.Path(path_type=Path),
    help="An older release: its test images, and images similar to them, go into test.",
)
@click.option(
    "--exclude",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the images listed in FILE (see `validate --exclusions`) out of training: they go"
    " into test.",
)
@click.option(
    "--block",
    metavar="LENGTH",
    help="Keep all tiles of a square of this side together, such as 1km; 0 for no blocks. The"
    " length is recorded.",
)
@click.option(
    "--same-place",
    is_flag=True,
    help="Search the images for overlapping ground first, unless that is done. Requires the extra "
    "geo and takes minutes for 10 000 images.",
)
@json_option
def command(
    folder: Path,
    shares: dict[str, float] | None,
    folds: int | None,
    seed: int | None,
    reassign: bool,
    by: str,
    keep: Path | None,
    exclude: Path | None,
    block: str | None,
    same_place: bool,
    as_json: bool,
) -> int:
    """Split the images into train, val and test.

    The split is stratified by category and seeded. Exact and near duplicates, and images of one
    place, get the same split; keep_together in section [split] of rsitmd.toml switches this off
    for each kind. Images of one place are known after --same-place, or after
    `rsitmd build groups DIR --same-place`.

    Images that have a split keep it, so that a test image of an earlier release never becomes a
    training image; only new images are assigned. Use --reassign to assign all images again. The
    defaults are in section [split] of rsitmd.toml.

    Tiles whose footprints overlap, or whose windows in one scene have common pixels, get the
    same split too. With --block 1km, so do all tiles whose centres are in one cell of a grid of
    1 km in their UTM zone. Overlapping tiles of different cells join these cells. --by block
    requires such a length, given now or recorded before.

    --folds 5 assigns every image to one of five test folds in the same way, and does not change
    the splits. A release lists the folds in folds.csv; `rsitmd build convert --fold 0` writes the
    dataset whose test images are those of fold 0.

    \b
    Examples:
      rsitmd build split my-dataset
      rsitmd build split my-dataset --same-place
      rsitmd build split my-dataset --reassign --shares 0.7,0.1,0.2 --seed 1
      rsitmd build split my-dataset --by block --block 1km
      rsitmd build split my-dataset --folds 5
      rsitmd build split my-dataset --reassign --keep my-dataset-1.0.0
    """
    from dataclasses import asdict

    from rsitmd_tools.ingest.groups import find_places, places_current
    from rsitmd_tools.ingest.spatial import parse_block, recorded_block
    from rsitmd_tools.splitting import make_folds, split
    from rsitmd_tools.splitting.relations import GROUP
    from rsitmd_tools.workspace import Workspace

    metres = None if block is None else parse_block(block)
    if folds is not None and (shares or keep or exclude):
        raise WrongUsage(
            "--folds cannot be combined with --shares, --keep or --exclude",
            hint="assign splits and folds with two commands",
        )
    with Workspace.open(folder, write=True) as workspace:
        if by == BLOCK:
            if not (recorded_block(workspace) if metres is None else metres):
                raise WrongUsage("--by block requires a length", hint="add --block 1km")
            by = GROUP
        if same_place and not places_current(workspace):
            find_places(workspace)
        if folds is not None:
            made = make_folds(workspace, folds, seed, reassign=reassign, block=metres, by=by)
            return _print_folds(made, as_json=as_json)
        report = split(workspace, shares, seed, reassign, exclude, metres, by, keep)
    if as_json:
        print_json(asdict(report))
    else:
        counts = ", ".join(f"{name} {count}" for name, count in report.images.items())
        click.echo(
            f"split: {counts}; {report.placed} assigned (seed {report.seed}), "
            f"{count_of(report.kept_together, 'similar image')} kept together"
            + (f", {count_of(report.same_place, 'tile')} by location" if report.same_place else "")
        )
        _print_deviations(report)
    if report.settings_changed:
        click.echo(
            "note: images that were assigned with other shares or another seed keep their split;"
            " use --reassign to assign all images again",
            err=True,
        )
    if "same-place" in report.keep_together and not report.places_searched:
        click.echo(
            "note: images of one place were not searched, and can be in different splits;"
            " use --same-place",
            err=True,
        )
    if report.parted:
        click.echo(
            f"warning: {count_of(report.parted, 'group')} of similar images in different splits,"
            " assigned before the similarity was known; use --reassign to fix this",
            err=True,
        )
    if report.parted_places:
        click.echo(
            f"warning: {count_of(report.parted_places, 'group')} of tiles of one place in different"
            " splits, assigned before the groups were found; use --reassign to fix this",
            err=True,
        )
    return 1 if report.parted or report.parted_places else 0


def _print_folds(report: FoldReport, *, as_json: bool) -> int:
    from dataclasses import asdict

    if as_json:
        print_json(asdict(report))
    else:
        counts = ", ".join(f"{fold}: {count}" for fold, count in enumerate(report.folds))
        click.echo(
            f"images by fold: {counts}; {report.placed} assigned (seed {report.seed}), "
            f"{count_of(report.kept_together, 'similar image')} kept together"
            + (f", {count_of(report.same_place, 'tile')} by location" if report.same_place else "")
        )
        _print_deviations(report)
    if report.parted:
        click.echo(
            f"warning: {count_of(report.parted, 'group')} of similar images in different folds,"
            " assigned before the similarity was known; use --reassign to fix this",
            err=True,
        )
    return 1 if report.parted else 0


def _print_deviations(report: SplitReport | FoldReport) -> None:
    """Print the largest deviation of a category, if it is more than rounding, and large groups."""
    worst = report.deviation
    if worst is not None and abs(worst.images - worst.share) >= 1:
        click.echo(
            "largest deviation from the shares:"
            f" {f'category {worst.category}' if worst.category else 'the dataset'} has"
            f" {count_of(worst.images, 'image')} in {worst.split}; expected {worst.share:.1f}"
        )
    for group in report.large_groups[:LISTED]:
        click.echo(
            f"large group: {count_of(group.images, 'image')} ({group.image} and others) in"
            f" {group.split}, more than the share of the smallest split"
        )
    more = len(report.large_groups) - LISTED
    if more > 0:
        click.echo(f"large groups: {more} more; see --json")

"""``rsitmd build split``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.messages import note, warn
from rsitmd_tools.cli.options import FILE, json_option, print_json, workspace_argument
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import WrongUsage, count_of

if TYPE_CHECKING:
    from rsitmd_tools.splitting.kept_tests import KeptTests
    from rsitmd_tools.splitting.report import Assignment

BLOCK = "block"
LISTED = 5  # large groups that are printed
WHOLES = {"scene": ("scene", "scenes"), "category": ("category", "categories")}


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


@click.command("split")
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
    help="Unit that is kept in one split. group: similar images; block and scene: also all tiles of"
    " a block (see --block) or of a scene; category: whole categories. The first default is"
    " group; a value is recorded as the default of later splits.",
)
@click.option(
    "--keep",
    metavar="RELEASE",
    type=PathType(path_type=Path),
    help="An older release: its test images, images similar to them, and tiles that have pixels in"
    " common with them, go into test. They are found by the checksums in its images.csv.",
)
@click.option(
    "--exclude",
    metavar="FILE",
    type=FILE,
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
    by: str | None,
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
        unit = by
        if by == BLOCK:
            metres = recorded_block(workspace) if metres is None else metres
            if not metres:
                raise WrongUsage("--by block requires a length", hint="add --block 1km")
            unit = GROUP
        if same_place and not places_current(workspace):
            find_places(workspace)
        if folds is not None:
            made = make_folds(workspace, folds, seed, reassign=reassign, block=metres, by=unit)
            counts = ", ".join(f"{fold}: {count}" for fold, count in enumerate(made.folds))
            _print_assignment(made, f"images by fold: {counts}", as_json=as_json)
            _print_recorded(made, given=by is not None)
            return _print_parted(made, "fold")
        report = split(workspace, shares, seed, reassign, exclude, metres, unit, keep)
    counts = ", ".join(f"{name} {count}" for name, count in report.images.items())
    _print_assignment(report, f"split: {counts}", as_json=as_json)
    _print_recorded(report, given=by is not None)
    if report.settings_changed:
        note(
            "images that were assigned with other shares, another seed or another keep_together"
            " keep their split; use --reassign to assign all images again"
        )
    if "same-place" in report.keep_together and not report.places_searched:
        note(
            "images of one place were not searched, and can be in different splits; use"
            " --same-place"
        )
    if keep is not None and report.kept_tests is not None:
        _print_kept(report.kept_tests, keep)
    return _print_parted(report, "split")


def _print_assignment(report: Assignment, counts: str, *, as_json: bool) -> None:
    """Print how many images were assigned, after their number in each split or fold."""
    from dataclasses import asdict

    if as_json:
        return print_json(asdict(report))
    click.echo(
        f"{counts}; {report.placed} assigned (seed {report.seed}), "
        f"{count_of(report.kept_together, 'similar image')} kept together"
        + (f", {count_of(report.same_place, 'tile')} by location" if report.same_place else "")
    )
    return _print_deviations(report)


def _print_kept(found: KeptTests, release: Path) -> None:
    """Print which test images of an older release were found by name, or not at all."""
    if found.by_name:
        note(
            f"{release} has no images.csv, so its test images were found by file name, which can"
            " be that of another image; use --keep with the folder of a release"
        )
    if found.missing:
        note(
            f"{found.missing} of {count_of(found.images, 'test image')} of {release} not found in"
            " the workspace; ingest the sources and use --keep again to put them into test"
        )


def _print_recorded(report: Assignment, *, given: bool) -> None:
    """Print the recorded unit if it is used without being asked for."""
    if not given and report.by in WHOLES:
        note(f"--by {report.by} is used, as recorded; use --by group to end this")


def _print_parted(report: Assignment, home: str) -> int:
    """Print the groups in several splits or folds, and return the exit code."""
    kept = f"because images keep an earlier {home}"
    groups = (
        (report.parted, "of similar images", "assigned before the similarity was known"),
        (report.parted_places, "of tiles of one place", "assigned before the groups were found"),
        (report.parted_captions, "of images with a common sentence", kept),
    )
    parted = [(f"{count_of(count, 'group')} {what}", why) for count, what, why in groups if count]
    if report.parted_wholes:
        noun = WHOLES[report.by][report.parted_wholes > 1]
        parted.append((f"{report.parted_wholes} {noun}", kept))
    for what, why in parted:
        warn(f"{what} in different {home}s, {why}; use --reassign to fix this")
    return 1 if parted else 0


def _print_deviations(report: Assignment) -> None:
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

"""``rsitmd build split``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument


def _shares(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> dict[str, float] | None:
    if text is None:
        return None
    try:
        train, val, test = (float(share) for share in text.split(","))
    except ValueError:
        raise click.BadParameter("give three numbers, such as 0.8,0.1,0.1") from None
    return {"train": train, "val": val, "test": test}


@click.command("split", short_help="Split into train, val and test.")
@workspace_argument
@click.option(
    "--shares",
    metavar="TRAIN,VAL,TEST",
    callback=_shares,
    help="Shares that sum to 1; by default those of rsitmd.toml.",
)
@click.option("--seed", type=int, help="Seed; by default that of rsitmd.toml.")
@click.option("--reassign", is_flag=True, help="Place all images anew.")
@click.option(
    "--exclude",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Images never to train on, from `validate --against --exclusions`: into test.",
)
@json_option
def command(
    folder: Path,
    shares: dict[str, float] | None,
    seed: int | None,
    reassign: bool,
    exclude: Path | None,
    as_json: bool,
) -> int:
    """Split the images into train, val and test.

    Stratified by category, seeded, and exact or near duplicates never in different
    splits. Images that have a split keep it, so that a test image of an earlier release
    never comes into training; only new ones are placed, unless --reassign is given.
    Shares, seed and nearness stand in rsitmd.toml, section [split].

    \b
    Examples:
      rsitmd build split my-dataset
      rsitmd build split my-dataset --reassign --shares 0.7,0.1,0.2 --seed 1
    """
    from dataclasses import asdict

    from rsitmd_tools.splitting import split
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder, write=True) as workspace:
        report = split(workspace, shares, seed, reassign, exclude)
    if as_json:
        print_json(asdict(report))
    else:
        counts = ", ".join(f"{name} {count}" for name, count in report.images.items())
        click.echo(
            f"split: {counts}; {report.placed} placed (seed {report.seed}), "
            f"{report.kept_together} images in groups of duplicates kept together"
        )
    if report.settings_changed:
        click.echo(
            "note: images placed by other shares or another seed stay; --reassign places all anew",
            err=True,
        )
    if report.parted:
        click.echo(
            f"warning: {report.parted} groups of duplicates lie in several splits, placed before "
            "they were found to belong together; --reassign mends it",
            err=True,
        )
    return 1 if report.parted else 0

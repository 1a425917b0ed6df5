"""``rsitmd benchmark compare``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import print_json
from rsitmd_tools.cli.path_type import PathType

FORMATS = ("text", "markdown", "latex", "json")


@click.command("compare")
@click.argument(
    "runs",
    metavar="RUN...",
    nargs=-1,
    required=True,
    type=PathType(file_okay=False, path_type=Path),
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="Output format.",
)
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@click.option(
    "--baseline", metavar="NAME", help="Compare all systems with this one; by default all with all."
)
@click.option(
    "--published",
    metavar="NAME",
    help="Published results to show: rsitmd, rsicd, ucm, sydney or none.",
)
def command(
    runs: tuple[Path, ...], form: str, as_json: bool, baseline: str | None, published: str | None
) -> None:
    """Print a table of evaluated runs: means, deviations, intervals and tests.

    RUN is one run or a folder of runs over seeds and folds. Single runs that differ only in
    seed or fold are grouped. Differences are tested by Fisher's randomisation, paired by
    image, and corrected by Holm for the number of comparisons. Published results have a column
    of their own, and are shown only if the test images and sentences are the same.

    \b
    Examples:
      rsitmd benchmark compare runs/vsepp runs/soft runs/fusion
      rsitmd benchmark compare runs/* --baseline vsepp --format markdown
    """
    from rsitmd_tools.baselines.evaluation.compare import compare
    from rsitmd_tools.baselines.evaluation.tables import render

    comparison = compare(runs, baseline, published)
    if as_json or form == "json":
        print_json(comparison)
    else:
        click.echo(render(comparison, form))

"""``rsitmd benchmark compare``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import print_json

# Named here so that help need not import the tables; a test holds them together.
FORMATS = ("text", "markdown", "latex", "json")


@click.command("compare", short_help="Compare runs over seeds and folds.")
@click.argument(
    "runs",
    metavar="RUN...",
    nargs=-1,
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
)
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="Of it."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--baseline", metavar="NAME", help="Hold all against this one, not all against all.")
@click.option(
    "--published",
    metavar="NAME",
    help="Whose printed numbers stand beside: rsitmd, rsicd, ucm, sydney or none.",
)
def command(
    runs: tuple[Path, ...], form: str, as_json: bool, baseline: str | None, published: str | None
) -> None:
    """Print a table of evaluated runs: mean, deviation, intervals, and what differs.

    RUN is one run or a folder of runs over seeds and folds; single runs that differ in seed
    or fold alone are put together. Differences are tested by Fisher randomisation over the
    queries, corrected by Holm for the number of comparisons. Printed numbers stand in a
    column of their own, and only where the gallery is the same.

    \b
    Examples:
      rsitmd benchmark compare runs/vsepp runs/soft runs/fusion
      rsitmd benchmark compare runs/* --baseline vsepp --format markdown
    """
    from rsitmd_tools.extras import require

    require("torch", "torchvision", "timm", "lightning")
    from rsitmd_tools.baselines.evaluation.compare import compare
    from rsitmd_tools.baselines.evaluation.tables import render

    comparison = compare(runs, baseline, published)
    if as_json or form == "json":
        print_json(comparison)
    else:
        click.echo(render(comparison, form))

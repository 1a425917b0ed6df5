"""``rsitmd benchmark report``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report", short_help="Write a report of several runs.")
@click.argument(
    "runs",
    metavar="RUN...",
    nargs=-1,
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
)
@click.option(
    "-o",
    "--output",
    default="report.html",
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The HTML file to write.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The dataset. Default: the dataset of the first run.",
)
def command(runs: tuple[Path, ...], output: Path, data: Path | None) -> None:
    """Write a self-contained HTML report: table of runs, curves, queries, statistics.

    \b
    Examples:
      rsitmd benchmark report runs/fusion runs/vsepp -o report.html
    """
    from rsitmd_tools.report import write_report

    write_report(runs, output, data)
    click.echo(f"report: {output}")

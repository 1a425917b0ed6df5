"""``rsitmd benchmark report``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report", short_help="Put runs together in one page.")
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
    help="The page.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The dataset; by default the one of the first run.",
)
def command(runs: tuple[Path, ...], output: Path, data: Path | None) -> None:
    """Write one self-contained page: table of runs, curves, queries, statistics.

    \b
    Examples:
      rsitmd benchmark report runs/fusion runs/vsepp -o report.html
    """
    from rsitmd_tools.report import write_report

    write_report(runs, output, data)
    click.echo(f"report: {output}")

"""``rsitmd benchmark report``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.messages import note
from rsitmd_tools.cli.options import FILE, check_page_name, input_options
from rsitmd_tools.cli.path_type import PathType


@click.command("report")
@click.argument(
    "runs",
    metavar="RUN...",
    nargs=-1,
    required=True,
    type=PathType(file_okay=False, path_type=Path),
)
@click.option(
    "-o",
    "--output",
    default="report.html",
    show_default=True,
    type=FILE,
    help="The HTML file to write.",
)
@click.option(
    "--dataset",
    "--data",
    "data",
    metavar="PATH",
    multiple=True,
    type=PathType(path_type=Path),
    help="The dataset. Default: the dataset of the first run. Can be repeated: figure 7 shows the "
    "prior of each, everything else the first.",
)
@input_options
@click.option(
    "--figures",
    metavar="DIR",
    type=PathType(file_okay=False, path_type=Path),
    help="Write each figure into this folder as SVG and PDF, for a paper.",
)
def command(
    runs: tuple[Path, ...],
    output: Path,
    data: tuple[Path, ...],
    input_format: str | None,
    image_folder: Path | None,
    figures: Path | None,
) -> None:
    """Write a self-contained HTML report of evaluated runs.

    It has tables with intervals and tests, curves, margins, saliency, queries, likely false
    negatives, recall by category, confusions, times and the dataset. RUN is one run or a
    folder of runs over seeds and folds. Sections without data are omitted; the last one gives
    the reasons.

    \b
    Examples:
      rsitmd benchmark report runs/fusion runs/vsepp -o report.html
      rsitmd benchmark report runs/* --dataset release/ --figures figures/
      rsitmd benchmark report runs/soft --dataset release/ --dataset ucm/ --dataset rsicd/
    """
    from rsitmd_tools.errors import count_of
    from rsitmd_tools.report import write_report

    if not data and (input_format is not None or image_folder is not None):
        from rsitmd_tools.errors import WrongUsage

        option = "--images" if input_format is None else "--input-format"
        raise WrongUsage(f"{option} requires --dataset", hint="add --dataset PATH")
    check_page_name(output)
    first, more = (data[0], data[1:]) if data else (None, ())
    report = write_report(runs, output, first, figures, input_format, image_folder, more)
    if figures is not None:
        for sentence in report.left_out:
            note(sentence)
        click.echo(f"figures: {figures} ({count_of(len(report.figures), 'figure')})", err=True)
    click.echo(f"report: {output}")

"""``rsitmd benchmark search``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.benchmark.arguments import check_dataset, check_run
from rsitmd_tools.cli.benchmark.device import device_option
from rsitmd_tools.cli.options import input_options, json_option, path_argument, print_json


@click.command("search", short_help="Search images by a sentence.")
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@path_argument
@input_options
@click.option("--text", required=True, help="The query sentence.")
@click.option(
    "-k",
    "count",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Maximum number of images.",
)
@device_option
@json_option
def command(
    run: Path,
    path: Path,
    input_format: str | None,
    image_folder: Path | None,
    text: str,
    count: int,
    device: str,
    as_json: bool,
) -> None:
    """Search a dataset for the images that are most similar to a sentence.

    Notes on stderr report words that the model does not know, and sentences that were
    truncated.

    \b
    Examples:
      rsitmd benchmark search runs/fusion release/ --text "Two white planes on a runway." -k 5
    """
    from rsitmd_tools.extras import require

    require("torch", "torchvision", "timm", "lightning")
    check_run(run)
    check_dataset(path)
    from rsitmd_tools.baselines import search
    from rsitmd_tools.errors import printable
    from rsitmd_tools.formats import load_dataset

    done = search(run, load_dataset(path, input_format, image_folder), text, count, device)
    for note in done.notes:
        click.echo(printable(f"note: {note}"), err=True)
    if as_json:
        print_json(done.found)
        return
    for entry in done.found:
        first = entry["sentences"][0] if entry["sentences"] else ""
        click.echo(printable(f"{entry['rank']:3} {entry['score']:.4f} {entry['image']}: {first}"))

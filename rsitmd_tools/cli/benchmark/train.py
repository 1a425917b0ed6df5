"""``rsitmd benchmark train``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.options import input_options, path_argument


@click.command("train", short_help="Train a baseline on a dataset.")
@path_argument
@input_options
@click.option("--config", "config_name", required=True, help="A name shipped, or a YAML file.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a setting.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="RUN",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the run.",
)
@click.option("--resume", is_flag=True, help="Go on from the last finished epoch of RUN.")
def command(
    path: Path,
    input_format: str | None,
    image_folder: Path | None,
    config_name: str,
    changes: tuple[str, ...],
    output: Path,
    resume: bool,
) -> None:
    """Train a baseline: amfmn-soft, amfmn-fusion, amfmn-similarity or vsepp.

    Weights of the backbone come from a file you name (--set weights=FILE); without one
    they are random, and the result says so. Nothing is downloaded.

    \b
    Examples:
      rsitmd benchmark train release/ --config amfmn-fusion -o runs/fusion
      rsitmd benchmark train release/ --config vsepp --set epochs=10 --set image_size=128 -o runs/v
      rsitmd benchmark train release/ --config amfmn-fusion -o runs/fusion --resume
    """
    from rsitmd_tools.extras import require

    require("torch", "torchvision", "timm", "lightning")
    from rsitmd_tools.baselines import load_config, train
    from rsitmd_tools.dataset import load_dataset

    config = load_config(config_name, changes)
    dataset = load_dataset(path, input_format, image_folder)
    run = train(dataset, config, output, resume=resume)
    click.echo(f"run: {run}")
    click.echo(f"next: rsitmd benchmark evaluate {run} {path}")

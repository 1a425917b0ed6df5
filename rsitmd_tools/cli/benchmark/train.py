"""``rsitmd benchmark train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rsitmd_tools.cli.options import input_options, path_argument

# Numpy takes no larger one.
MOST_SEED = 2**32 - 1
DEVICES = ("auto", "cpu", "cuda", "mps")


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
    help="Folder of the run; of the runs, with --seeds or --folds.",
)
@click.option("--seeds", metavar="0,1,2", help="Train each of these seeds, and sum up.")
@click.option("--folds", type=click.IntRange(2), help="Train each of so many folds, and sum up.")
@click.option("--resume", is_flag=True, help="Go on from the last finished epoch of RUN.")
@click.option(
    "--prior",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A prior of the dataset; else the release's, else one is computed.",
)
@click.option(
    "--exclude",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A list of images to leave out, made by: rsitmd validate --against.",
)
@click.option(
    "--device", type=click.Choice(DEVICES), default="auto", show_default=True, help="Where."
)
@click.option("--devices", type=click.IntRange(1), default=1, show_default=True, help="How many.")
@click.option(
    "--deterministic",
    is_flag=True,
    help="Refuse operations that could differ from run to run on this device.",
)
@click.option("--workers", type=click.IntRange(0), help="Processes that load images.")
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep decoded images and features in this folder, for other runs too.",
)
def command(
    path: Path,
    input_format: str | None,
    image_folder: Path | None,
    config_name: str,
    changes: tuple[str, ...],
    output: Path,
    seeds: str | None,
    folds: int | None,
    resume: bool,
    prior: Path | None,
    exclude: Path | None,
    device: str,
    devices: int,
    deterministic: bool,
    workers: int | None,
    cache: Path | None,
) -> None:
    """Train a baseline: amfmn-soft, amfmn-fusion, amfmn-similarity, m1 to m9, vsepp or clip.

    Weights of the backbone come from a file you name (--set weights=FILE); without one
    they are random, and the result says so. Nothing is downloaded. With --set
    freeze_backbone=true the backbone's features are computed once, and training takes
    minutes on a laptop.

    \b
    Examples:
      rsitmd benchmark train release/ --config amfmn-fusion -o runs/fusion
      rsitmd benchmark train release/ --config vsepp --set epochs=10 --set image_size=128 -o runs/v
      rsitmd benchmark train release/ --config amfmn-fusion -o runs/fusion --resume
      rsitmd benchmark train release/ --config m9 --seeds 0,1,2 -o runs/m9
      rsitmd benchmark train release/ --config amfmn-soft --folds 5 -o runs/soft
    """
    from rsitmd_tools.extras import require

    require("torch", "torchvision", "timm", "lightning")
    from rsitmd_tools.baselines import load_config, train
    from rsitmd_tools.baselines.training.sweep import train_all
    from rsitmd_tools.baselines.training.train import Options
    from rsitmd_tools.formats import load_dataset

    config = load_config(config_name, changes)
    dataset = load_dataset(path, input_format, image_folder)
    options = Options(resume, device, devices, workers, cache, deterministic)
    if seeds is None and folds is None:
        run = train(dataset, config, output, options, prior=prior, exclude=exclude)
        click.echo(f"run: {run}")
        click.echo(f"next: rsitmd benchmark evaluate {run} {path}")
        return
    wanted = [config.seed] if seeds is None else _numbers(seeds)
    summary = train_all(
        dataset, config, output, wanted, folds or 0, options, prior=prior, exclude=exclude
    )
    for line in summary_lines(summary):
        click.echo(line)
    click.echo(f"next: rsitmd benchmark compare {output}")


def summary_lines(summary: dict[str, Any]) -> list[str]:
    """Return what several runs reach, a line a run and one for all."""
    reached = summary["mean_recall"]
    if reached is None:
        return [f"runs: {', '.join(summary['runs'])} (no test split to evaluate on)"]
    lines = [
        f"{name}: test mR {value:.2f}"
        for name, value in zip(summary["runs"], reached["values"], strict=True)
    ]
    deviation = reached["deviation"]
    spread = "" if deviation is None else f", deviation {deviation:.2f}"
    gallery = summary["gallery"]
    return [
        *lines,
        f"mean of {len(lines)}: test mR {reached['mean']:.2f}{spread} "
        f"(gallery: {gallery['images']} images, {gallery['texts']} texts)",
    ]


def _numbers(text: str) -> list[int]:
    from rsitmd_tools.errors import WrongUsage

    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise WrongUsage(f"--seeds {text}", hint="write different whole numbers: 0,1,2")
    if max(numbers) > MOST_SEED:
        raise WrongUsage(f"--seeds {text}", hint=f"a seed is at most {MOST_SEED}")
    return numbers

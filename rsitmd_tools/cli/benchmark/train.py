"""``rsitmd benchmark train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rsitmd_tools.cli.benchmark.arguments import shipped_configs
from rsitmd_tools.cli.benchmark.device import device_option
from rsitmd_tools.cli.benchmark.seeds import parse_seeds
from rsitmd_tools.cli.messages import note
from rsitmd_tools.cli.options import FILE, decode_threads_option, input_options, path_argument
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import command_line


@click.command("train")
@path_argument
@input_options
@click.option(
    "--config",
    "config_name",
    required=True,
    help=f"A YAML file, or a shipped configuration: {', '.join(shipped_configs())}.",
)
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Override a setting; repeatable."
)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="RUN",
    type=PathType(file_okay=False, path_type=Path),
    help="Folder of the run. With --seeds or --folds, it contains one folder per run.",
)
@click.option(
    "--seeds",
    metavar="0,1,2",
    help="Train one run per seed, or per seed of a range such as 0-4, and write a summary.",
)
@click.option(
    "--folds",
    type=click.IntRange(2),
    help="Train one run per cross-validation fold and write a summary.",
)
@click.option("--resume", is_flag=True, help="Continue RUN after its last finished epoch.")
@click.option(
    "--prior",
    type=FILE,
    help="Prior similarity of the dataset. Default: the prior of the release, or a computed one.",
)
@click.option(
    "--exclude",
    type=FILE,
    help="List of images to exclude, written by `validate --exclusions` or `build overlap "
    "--exclusions`.",
)
@device_option
@click.option(
    "--devices", type=click.IntRange(1), default=1, show_default=True, help="Number of devices."
)
@click.option(
    "--deterministic",
    is_flag=True,
    help="Fail on operations that are not deterministic on this device.",
)
@decode_threads_option
@click.option(
    "--cache",
    type=PathType(file_okay=False, path_type=Path),
    help="Keep decoded images and features in this folder and reuse them in other runs.",
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
    """Train AMFMN (amfmn-*, m1 to m9, margin-*), VSE++, SCAN, CAMP, MTFN or CLIP (clip*).

    Use --set weights=FILE to load backbone weights. Without it, the weights are random, and
    the result reports this. Nothing is downloaded. With --set freeze_backbone=true, the
    features of the backbone are computed once, and training takes minutes on a laptop.
    Configurations that end in -frozen (for a laptop) or -whole (for a GPU) set everything but the
    weights.

    \b
    Examples:
      rsitmd benchmark train release/ --config amfmn-fusion -o runs/fusion
      rsitmd benchmark train release/ --config vsepp --set epochs=10 --set image_size=128 -o runs/v
      rsitmd benchmark train release/ --config amfmn-fusion -o runs/fusion --resume
      rsitmd benchmark train release/ --config m9 --seeds 0,1,2 -o runs/m9
      rsitmd benchmark train release/ --config amfmn-soft --folds 5 -o runs/soft
    """
    from rsitmd_tools.extras import require_training

    require_training()
    from rsitmd_tools.baselines import load_config, train
    from rsitmd_tools.baselines.config import frozen_at_random, without_effect
    from rsitmd_tools.baselines.device import slow_precisions
    from rsitmd_tools.baselines.training.manifest import check_weights
    from rsitmd_tools.baselines.training.sweep import train_all
    from rsitmd_tools.baselines.training.train import Options
    from rsitmd_tools.formats import load_dataset
    from rsitmd_tools.formats.unpacked import image_files

    config = load_config(config_name, changes)
    for line in (
        *without_effect([config], changes),
        *frozen_at_random([config]),
        *slow_precisions([config.precision], device),
    ):
        note(line)
    check_weights(config)  # a large dataset is not read in vain
    options = Options(resume, device, devices, workers, cache, deterministic)
    single = seeds is None and folds is None
    if resume and not any(output.glob("run.json" if single else "*/run.json")):
        note(f"{output} has no run to continue: a new training starts")
    with image_files(load_dataset(path, input_format, image_folder)) as dataset:
        if single:
            run = train(dataset, config, output, options, prior=prior, exclude=exclude)
            click.echo(f"run: {run}")
            click.echo("next: " + command_line("benchmark", "evaluate", run, path))
            return
        numbers = [config.seed] if seeds is None else parse_seeds(seeds)
        summary = train_all(
            dataset, config, output, numbers, folds or 0, options, prior=prior, exclude=exclude
        )
    for line in summary_lines(summary):
        click.echo(line)
    click.echo("next: " + command_line("benchmark", "compare", output))


def summary_lines(summary: dict[str, Any]) -> list[str]:
    """Return one line per run with its test mean recall, and one line for all runs."""
    recall = summary["mean_recall"]
    if recall is None:
        return [
            f"runs: {', '.join(summary['runs'])} (not evaluated: the dataset has no test split)"
        ]
    lines = [
        f"{name}: test mR {value:.2f}"
        for name, value in zip(summary["runs"], recall["values"], strict=True)
    ]
    deviation = recall["deviation"]
    spread = "" if deviation is None else f", deviation {deviation:.2f}"
    gallery = summary["gallery"]
    return [
        *lines,
        f"mean of {len(lines)}: test mR {recall['mean']:.2f}{spread} "
        f"(gallery: {gallery['images']} images, {gallery['texts']} texts)",
    ]

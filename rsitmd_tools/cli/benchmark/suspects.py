"""``rsitmd benchmark suspects``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.benchmark.device import device_option
from rsitmd_tools.cli.messages import note
from rsitmd_tools.cli.options import (
    FILE,
    check_page,
    decode_threads_option,
    input_options,
    json_option,
    path_argument,
    print_json,
    refuse_inputs,
    refuse_one_file,
)
from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import command_line

if TYPE_CHECKING:
    from rsitmd_tools.dataset.suspects import Suspects

SHOWN = 5  # sentences on the terminal; the file has all


@click.command("suspects")
@path_argument
@input_options
@click.option("-o", "--output", metavar="FILE", required=True, type=FILE, help="Output file.")
@click.option(
    "--folds",
    type=click.IntRange(2, 100),
    default=5,
    show_default=True,
    help="Number of models. Each scores a part of the images, and learns from the others.",
)
@click.option(
    "--config",
    "config_name",
    default="vsepp-frozen",
    show_default=True,
    help="A YAML file, or a shipped configuration; see `rsitmd benchmark train --help`.",
)
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Override a setting; repeatable."
)
@click.option(
    "--runs",
    metavar="DIR",
    type=PathType(file_okay=False, path_type=Path),
    help="Folder of the trained models; by default beside FILE. Finished ones are used again.",
)
@click.option(
    "--flag",
    "flagged",
    metavar="N",
    type=click.IntRange(0),
    help="Number of sentences that become findings; one in a hundred by default.",
)
@click.option("--html", metavar="FILE", type=FILE, help="Also write a page of these sentences.")
@device_option
@decode_threads_option
@json_option
def command(
    path: Path,
    input_format: str | None,
    image_folder: Path | None,
    output: Path,
    folds: int,
    config_name: str,
    changes: tuple[str, ...],
    runs: Path | None,
    flagged: int | None,
    html: Path | None,
    device: str,
    workers: int | None,
    as_json: bool,
) -> None:
    """Rank all sentences by how poorly they fit their image, scored by cross-validated models.

    A model is trained for each fold and scores only held-out images; copies of them are held out
    too. A sentence is suspicious if it fits another image much better than its own. The flagged
    sentences become findings of the rule M101: `rsitmd validate PATH --suspects FILE`.
    A workspace sends them back to their authors: `rsitmd annotate review DIR --send-back FILE`.

    The default configuration trains in minutes: its backbone, EfficientNet-Lite0, is frozen and
    needs the weights of ImageNet (--set weights=FILE). Run an interrupted command again to
    resume it.

    \b
    Examples:
      rsitmd benchmark suspects release/ -o suspects.json --html suspects.html --set weights=FILE
      rsitmd benchmark suspects ucm/ -o suspects.json --set weights=FILE --flag 50
    """
    refuse_one_file({"--output": output, "--html": html})
    if html is not None:
        check_page(html)
    from rsitmd_tools.extras import require_training

    require_training()
    from rsitmd_tools.atomic import write_json, write_text
    from rsitmd_tools.baselines import load_config
    from rsitmd_tools.baselines.config import frozen_at_random, without_effect
    from rsitmd_tools.baselines.data.names import check_names
    from rsitmd_tools.baselines.suspects.find import find_suspects
    from rsitmd_tools.baselines.training.train import Options
    from rsitmd_tools.dataset.suspects import suspects_document
    from rsitmd_tools.formats import load_dataset
    from rsitmd_tools.quality.overlap import overlap
    from rsitmd_tools.splitting.dataset_folds import dataset_folds
    from rsitmd_tools.workspace.settings import SplitSettings

    config = load_config(config_name, changes)
    for line in without_effect([config], changes) + frozen_at_random([config]):
        note(line)
    dataset = load_dataset(path, input_format, image_folder)
    refuse_inputs([dataset], output, html)
    check_names(dataset)
    pairs = overlap([dataset], SplitSettings().near_duplicate_distance).pairs
    linked = [(pair.image_a.filename, pair.image_b.filename) for pair in pairs]
    fold_of, groups = dataset_folds(dataset, folds, config.seed, linked)
    folder = runs or output.with_name(f"{output.stem}-runs")
    options = Options(device=device, workers=workers)
    found = find_suspects(dataset, config, fold_of, groups, folder, options, flagged)
    made = {"config": config_name, "set": list(changes), "folds": folds, "seed": config.seed}
    write_json(output, suspects_document(found, dataset, made))
    if html is not None:
        from rsitmd_tools.report.suspects_page import render_suspects

        write_text(html, render_suspects(found, dataset))
    if as_json:
        print_json({"sentences": len(found.suspects), "flagged": found.flagged})
        return
    _print(found)
    click.echo("next: " + command_line("validate", path, "--suspects", output, "--select", "M"))


def _print(found: Suspects) -> None:
    from rsitmd_tools.errors import count_of, printable

    click.echo(
        f"{count_of(len(found.suspects), 'sentence')}, {found.flagged} suspicious; the first ones:"
    )
    for suspect in found.suspects[:SHOWN]:
        click.echo(
            f"  {printable(suspect.image)}, sentence {suspect.sentence_index + 1}:"
            f' "{printable(suspect.sentence)}" fits {printable(suspect.better_image)} better'
        )

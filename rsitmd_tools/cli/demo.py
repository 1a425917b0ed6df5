"""``rsitmd demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rsitmd_tools.cli.path_type import PathType
from rsitmd_tools.errors import count_of

if TYPE_CHECKING:
    from rsitmd_tools.demo.run import DemoReport


@click.command("demo")
@click.option(
    "--input",
    "input_folder",
    metavar="FOLDER",
    type=PathType(file_okay=False, path_type=Path),
    help="Folder with images/ and annotations.jsonl, used instead of synthetic scenes.",
)
@click.option(
    "-o",
    "--output",
    default="rsitmd-demo",
    show_default=True,
    type=PathType(file_okay=False, path_type=Path),
    help="Output folder.",
)
@click.option(
    "--scenes",
    type=click.IntRange(40),
    default=300,
    show_default=True,
    help="Number of synthetic scenes.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Training epochs of each model.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of scenes, split and training.",
)
def command(input_folder: Path | None, output: Path, scenes: int, epochs: int, seed: int) -> None:
    """Run all steps, from a folder of images to a benchmarked release.

    Five simulated annotators sign up in a real Label Studio on this machine and submit
    their sentences. The demo checks that the release contains exactly these texts, then
    trains VSE++ and AMFMN on it from random weights. If the demo is interrupted, run the
    same command again to continue. The last line of output is the path of the report.

    \b
    Examples:
      rsitmd demo
      rsitmd demo -o my-demo --scenes 300
      rsitmd demo --input my-captioned-images -o my-demo
    """
    from rsitmd_tools.extras import require

    require("label_studio", "label_studio_sdk", "torch", "torchvision", "timm", "lightning")
    from rsitmd_tools.demo.run import run_demo

    report = run_demo(output, input_folder, scenes=scenes, epochs=epochs, seed=seed)
    for line in _lines(report):
        click.echo(line)
    click.echo(str(report.report.resolve()))


def _lines(demo: DemoReport) -> list[str]:
    """Return the summary of a demo as lines of text."""
    lines = [f"{'step':22} {'seconds':>8}"]
    lines += [f"{name:22} {seconds:8.1f}" for name, seconds in demo.seconds.items()]
    if demo.compared is not None:
        lines.append(
            f"release: {count_of(demo.compared.images, 'image')}, "
            f"{count_of(demo.compared.sentences, 'sentence')}, "
            f"{count_of(demo.compared.keywords, 'keyword')}, identical to the submitted annotations"
        )
    lines.append(f"{'test set, percent':17} {'R@1 image->text':23} {'R@1 text->image':23} mR")
    lines += [f"{name:17} {_row(result)}" for name, result in demo.results.items()]
    first = next(iter(demo.results.values()))
    chance = first["chance"]
    lines.append(
        f"{'chance':17} {chance['image_to_text']['r1']:<23.2f} "
        f"{chance['text_to_image']['r1']:<23.2f} {chance['mean_recall']:.2f}"
    )
    gallery = first["gallery"]
    lines.append(
        f"gallery: {count_of(gallery['images'], 'image')}, "
        f"{count_of(gallery['texts'], 'sentence')}; weights: random; "
        "intervals: 95 %"
    )
    return lines


def _row(result: dict[str, Any]) -> str:
    """Return R@1 in both directions and mR of a result, each with its interval."""
    interval = result["interval"]
    cells = (
        (result["image_to_text"]["r1"], interval["image_to_text"]["r1"]),
        (result["text_to_image"]["r1"], interval["text_to_image"]["r1"]),
        (result["mean_recall"], interval["mean_recall"]),
    )
    shown = [f"{value:5.2f} ({low:.2f} to {high:.2f})" for value, (low, high) in cells]
    return f"{shown[0]:23} {shown[1]:23} {shown[2]}"

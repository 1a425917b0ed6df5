"""``rsitmd benchmark evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rsitmd_tools.cli.options import input_options, json_option, path_argument, print_json


@click.command("evaluate", short_help="Evaluate a run on a dataset.")
@click.argument("run", metavar="RUN", type=click.Path(file_okay=False, path_type=Path))
@path_argument
@input_options
@click.option("--split", default="test", show_default=True, help="The split to evaluate on.")
@json_option
def command(
    run: Path,
    path: Path,
    input_format: str | None,
    image_folder: Path | None,
    split: str,
    as_json: bool,
) -> None:
    """Evaluate the best checkpoint of a run; RUN/result.json holds the result.

    \b
    Examples:
      rsitmd benchmark evaluate runs/fusion release/
      rsitmd benchmark evaluate runs/fusion release/ --split val --json
    """
    from rsitmd_tools.extras import require

    require("torch", "torchvision", "timm", "lightning")
    from rsitmd_tools.baselines import evaluate
    from rsitmd_tools.dataset import load_dataset

    result = evaluate(run, load_dataset(path, input_format, image_folder), split)
    if as_json:
        print_json(result)
        return
    for line in result_lines(result):
        click.echo(line)


def result_lines(result: dict[str, Any]) -> list[str]:
    """Return the result as a small table."""
    lines = [f"{'percent':19} {'R@1':>7} {'R@5':>7} {'R@10':>7}"]
    ways = (("image->text", "image_to_text"), ("text->image", "text_to_image"))
    for prefix, values in (("", result), ("chance ", result["chance"])):
        for short, way in ways:
            row = " ".join(f"{values[way][key]:7.2f}" for key in ("r1", "r5", "r10"))
            lines.append(f"{prefix + short:19} {row}")
    low, high = result["interval"]["mean_recall"]
    gallery = result["gallery"]
    lines.append(
        f"mean recall {result['mean_recall']:.2f} (95 % interval {low:.2f} to {high:.2f}), "
        f"chance {result['chance']['mean_recall']:.2f}"
    )
    lines.append(
        f"gallery: {gallery['images']} images, {gallery['texts']} texts; {result['metric']}"
    )
    weights = result["weights"]
    lines.append(f"weights: {weights if isinstance(weights, str) else weights['file']}")
    return lines

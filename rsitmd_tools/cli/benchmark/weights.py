"""``rsitmd benchmark weights``."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from rsitmd_tools.cli.options import FILE
from rsitmd_tools.errors import count_of


@click.command("weights")
@click.argument("source", metavar="SRC", type=FILE)
@click.option("--backbone", required=True, metavar="NAME", help="timm name of the backbone.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE.safetensors",
    type=FILE,
    help="The file to write.",
)
@click.option(
    "--mean",
    nargs=3,
    type=float,
    help="Mean of red, green and blue in [0, 1]. Default: that of timm.",
)
@click.option(
    "--std",
    nargs=3,
    type=float,
    help="Standard deviation of red, green and blue. Default: that of timm.",
)
def command(
    source: Path,
    backbone: str,
    output: Path,
    mean: tuple[float, float, float] | None,
    std: tuple[float, float, float] | None,
) -> None:
    """Convert a weights file to the tensor names of timm.

    The output also stores the normalisation of images. No code in SRC is executed: files
    that contain anything but tensors are rejected.

    \b
    Examples:
      rsitmd benchmark weights resnet18.pth --backbone resnet18 -o resnet18.safetensors
      rsitmd benchmark weights efficientnet-lite0-57934424.pth \\
        --backbone tf_efficientnet_lite0 -o lite0.safetensors \\
        --mean 0.498 0.498 0.498 --std 0.502 0.502 0.502
    """
    from rsitmd_tools.extras import require

    require("torch", "timm", "safetensors")
    from rsitmd_tools.baselines.weights import convert_weights

    count = convert_weights(source, backbone, output, mean or None, std or None)
    click.echo(f"weights: {output} ({count_of(count, 'tensor')})")
    settings = ("--set", f"backbone={backbone}", "--set", f"weights={output}")
    click.echo(f"next: {shlex.join(settings)}")

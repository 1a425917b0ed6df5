"""``rsitmd benchmark weights``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("weights", short_help="Convert backbone weights for timm.")
@click.argument("source", metavar="SRC", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--backbone", required=True, metavar="NAME", help="The timm name it is for.")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="FILE.safetensors",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file.",
)
@click.option(
    "--mean", nargs=3, type=float, help="Mean of red, green, blue in [0, 1]; default: timm's."
)
@click.option("--std", nargs=3, type=float, help="Deviation of the same; default: timm's.")
def command(
    source: Path,
    backbone: str,
    output: Path,
    mean: tuple[float, float, float] | None,
    std: tuple[float, float, float] | None,
) -> None:
    """Convert weights to names that timm knows; with them goes how images are normalised.

    Nothing in SRC is run: a file of anything but tensors is refused.

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
    click.echo(f"weights: {output} ({count} tensors)")
    click.echo(f"next: --set backbone={backbone} --set weights={output}")

"""``rsitmd benchmark serve``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.band_options import band_options
from rsitmd_tools.cli.benchmark.arguments import check_dataset, check_run
from rsitmd_tools.cli.benchmark.device import device_option
from rsitmd_tools.cli.options import input_options, path_argument
from rsitmd_tools.cli.path_type import PathType

if TYPE_CHECKING:
    from rsitmd_tools.imaging.options import BandOptions


@click.command("serve")
@click.argument(
    "runs", metavar="RUN [RUN2]", nargs=-1, required=True, type=PathType(path_type=Path)
)
@path_argument
@input_options
@click.option("--split", help="Search only the images of this split.")
@click.option(
    "--scene",
    metavar="FILE",
    type=PathType(path_type=Path),
    help="A large scene, for the page that locates a sentence in it.",
)
@click.option(
    "--scales",
    metavar="N,...",
    default="128,256,512",
    show_default=True,
    help="Sizes of the slices of the scene in pixels.",
)
@band_options
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8050,
    show_default=True,
    help="Port on 127.0.0.1; 0 for a free one.",
)
@device_option
def command(
    runs: tuple[Path, ...],
    path: Path,
    input_format: str | None,
    image_folder: Path | None,
    split: str | None,
    scene: Path | None,
    scales: str,
    outside: bool,
    port: int,
    device: str,
    options: BandOptions,
) -> None:
    """Search a dataset in a local web page, with one run or two side by side.

    The page finds images by a sentence, by keywords or by another image. It shows their score and
    their true sentences, the words that mattered, and MVSA's saliency. With --scene, it also
    locates a sentence in a large scene.

    The server listens on 127.0.0.1 only, loads nothing from other servers, and runs until Ctrl-C.
    The first start encodes all images, and the slices of the scene. They are cached, so later
    starts take seconds.

    \b
    Examples:
      rsitmd benchmark serve runs/fusion release/
      rsitmd benchmark serve runs/soft runs/fusion release/ --split test --port 8080
      rsitmd benchmark serve runs/soft release/ --scene scene.tif
    """
    import signal

    from rsitmd_tools.errors import WrongUsage
    from rsitmd_tools.extras import require, require_training

    if len(runs) > 2:
        raise WrongUsage(f"{len(runs)} runs are given", hint="pass one or two runs, then PATH")
    require_training("fastapi", "uvicorn")
    if scene is not None:
        require("rasterio", "geopandas", "cv2")
    for run in runs:
        check_run(run)
    check_dataset(path)
    from rsitmd_tools.baselines.localisation.locate import SceneOptions
    from rsitmd_tools.baselines.localisation.slices import parse_scales
    from rsitmd_tools.baselines.serving.app import make_app
    from rsitmd_tools.baselines.serving.server import listening, serve
    from rsitmd_tools.baselines.serving.site import Site
    from rsitmd_tools.formats import load_dataset

    reading = SceneOptions(parse_scales(scales), options, outside)
    # A service manager sends SIGTERM: stop as cleanly as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with listening(port) as opened:
        dataset = load_dataset(path, input_format, image_folder)
        if split is not None:
            dataset = dataset.select(split)
        site = Site(runs, dataset, scene, reading, device=device)
        chosen = opened.getsockname()[1]
        click.echo(f"search page: http://127.0.0.1:{chosen}/")
        click.echo("Press Ctrl-C to stop the server.")
        serve(make_app(site, chosen), opened)

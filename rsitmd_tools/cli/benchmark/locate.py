"""``rsitmd benchmark locate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rsitmd_tools.cli.band_options import band_options
from rsitmd_tools.cli.benchmark.arguments import check_run
from rsitmd_tools.cli.benchmark.device import device_option
from rsitmd_tools.cli.messages import note
from rsitmd_tools.cli.options import FILE, json_option, print_json
from rsitmd_tools.cli.path_type import PathType

if TYPE_CHECKING:
    from rsitmd_tools.baselines.localisation.locate import Location
    from rsitmd_tools.imaging.options import BandOptions


@click.command("locate")
@click.argument("run", metavar="RUN", type=PathType(path_type=Path))
@click.argument("scene", metavar="SCENE", type=PathType(path_type=Path))
@click.option("--text", required=True, help="The query sentence.")
@click.option(
    "-k",
    "count",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Maximum number of windows.",
)
@click.option(
    "-o",
    "--output",
    "targets",
    metavar="FILE",
    multiple=True,
    type=FILE,
    help="A file to write: .png (the map drawn over the scene), .tif (heat map, 0 to 1, in the "
    "CRS of the scene) or .geojson (the best windows). Can be repeated.",
)
@click.option(
    "--scene-crs",
    is_flag=True,
    help="Write the .geojson in the CRS of the scene, which it names, instead of WGS84.",
)
@click.option(
    "--truth",
    metavar="FILE",
    type=FILE,
    help="Measure the map against polygons: a GeoJSON file, or an anno.json of SeLo.",
)
@click.option(
    "--scales",
    metavar="N,...",
    default="128,256,512",
    show_default=True,
    help="Sizes of the slices in pixels.",
)
@band_options
@device_option
@json_option
def command(
    run: Path,
    scene: Path,
    text: str,
    count: int,
    targets: tuple[Path, ...],
    scene_crs: bool,
    truth: Path | None,
    scales: str,
    outside: bool,
    device: str,
    as_json: bool,
    options: BandOptions,
) -> None:
    """Show where a large scene contains what a sentence describes.

    SCENE is cut into overlapping slices of three sizes. Each is scored with the sentence, and the
    scores are averaged at each place. The features of the slices are cached, so a second sentence
    for the same scene is quick.

    With --truth, four metrics measure the map: Rsu (how much of it is in the polygons), Ras (how
    far its centres are from theirs; lower is better), Rda (one centre for each polygon) and Rmi
    (their weighted mean).

    \b
    Examples:
      rsitmd benchmark locate runs/soft scene.tif --text "Two planes on a runway." -o map.png
      rsitmd benchmark locate runs/soft scene.tif --text "A lake." -o heat.tif -o lakes.geojson
      rsitmd benchmark locate runs/soft 0.jpg --text "a green pond" --truth anno.json --json
    """
    from rsitmd_tools.extras import require_training

    require_training("rasterio", "geopandas", "cv2")
    check_run(run)
    from rsitmd_tools.baselines import locate
    from rsitmd_tools.baselines.localisation.locate import SceneOptions
    from rsitmd_tools.baselines.localisation.map_files import check_targets, write_maps
    from rsitmd_tools.baselines.localisation.slices import parse_scales
    from rsitmd_tools.errors import WrongUsage
    from rsitmd_tools.imaging.vrt import read_with

    if scene_crs and not any(target.suffix.lower() == ".geojson" for target in targets):
        raise WrongUsage("--scene-crs requires -o with a .geojson file", hint="omit --scene-crs")
    read = [scene, *read_with(scene, outside), *([truth] if truth else [])]
    check_targets(targets, read)
    reading = SceneOptions(parse_scales(scales), options, outside)
    found = locate(
        run, scene, text, options=reading, count=count, truth=truth, device=device
    )  # fmt: skip
    for line in (*found.notes, *write_maps(found, targets, scene_crs)):
        note(line)
    if as_json:
        maps = [str(target) for target in targets]
        drawn = [name for name in maps if name.lower().endswith(".png")]
        print_json(found.document() | {"map": next(iter([*drawn, *maps]), None), "files": maps})
        return
    _print(found, targets)


def _print(found: Location, targets: tuple[Path, ...]) -> None:
    from rsitmd_tools.errors import printable

    for rank, (one, score) in enumerate(zip(found.windows, found.scores, strict=True), 1):
        click.echo(f"{rank:3} {score:.4f} x {one.x}, y {one.y}, size {one.size}")
    if found.metrics is not None:
        of = found.metrics
        click.echo(f"Rsu {of.rsu:.4f}, Ras {of.ras:.4f}, Rda {of.rda:.4f}, Rmi {of.rmi:.4f}")
    for target in targets:
        click.echo(printable(str(target)))

"""``rsitmd build where``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rsitmd_tools.cli.options import json_option, print_json, workspace_argument


@click.command("where")
@workspace_argument
@click.argument("image", metavar="IMAGE")
@json_option
def command(folder: Path, image: str, as_json: bool) -> int:
    """Print source, window and footprint of an image.

    The source of a tile is shown relative to the folder that was ingested, and that of a whole
    image as an absolute path. --json has the absolute path of both.

    The window is given as column, row, width and height in pixels of the source. The footprint
    is in WGS84. The ground sample distance is that of the source, or the one of --gsd.

    \b
    Examples:
      rsitmd build where my-dataset port_3.tif
      rsitmd build where my-dataset port_3.tif --json
    """
    from rsitmd_tools.ingest.where import where
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder) as workspace:
        found = where(workspace, image)
    if as_json:
        print_json(found)
    else:
        _print(found)
    return 0


def _print(found: dict[str, Any]) -> None:
    from rsitmd_tools.errors import printable

    column, row, width, height = found["window"]
    scene = found["scene"]
    source = scene["path"] if scene else found["source"]
    click.echo(f"{found['image']}: from {printable(source)}")
    click.echo(f"window: column {column}, row {row}, {width} x {height} pixels")
    if found["gsd"] is not None:
        click.echo(f"ground sample distance: {found['gsd']:g} m")
    if scene and scene["acquired"]:
        click.echo(f"acquired: {scene['acquired']}")
    if found["crs"] is not None:
        click.echo(f"CRS: {printable(found['crs'])}")
    if found["footprint"] is None:
        click.echo("footprint: none")
        return
    polygons = found["footprint"]["coordinates"]
    rings = [polygons[0]] if found["footprint"]["type"] == "Polygon" else [p[0] for p in polygons]
    for ring in rings:
        corners = ", ".join(f"{lon:.6f} {lat:.6f}" for lon, lat, *_ in ring[:-1])
        click.echo(f"footprint (longitude latitude): {corners}")

"""``rsitmd build export-footprints``."""

from __future__ import annotations

from pathlib import Path

import click

from rsitmd_tools.cli.messages import note
from rsitmd_tools.cli.options import FILE, json_option, print_json, workspace_argument
from rsitmd_tools.errors import count_of


@click.command("export-footprints")
@workspace_argument
@click.option(
    "-o",
    "--output",
    "target",
    metavar="FILE",
    required=True,
    type=FILE,
    help="The file: .geojson, .parquet (GeoParquet) or .json (STAC items).",
)
@json_option
def command(folder: Path, target: Path, as_json: bool) -> int:
    """Write the footprints of the images as GeoJSON, GeoParquet or STAC items.

    Images without a footprint are left out and counted. A STAC item of a scene without an
    acquisition time has an interval that ends at the modification time of the scene's file.

    \b
    Examples:
      rsitmd build export-footprints my-dataset -o footprints.geojson
      rsitmd build export-footprints my-dataset -o footprints.parquet
      rsitmd build export-footprints my-dataset -o items.json
    """
    from rsitmd_tools.ingest.where import export_footprints
    from rsitmd_tools.workspace import Workspace

    with Workspace.open(folder) as workspace:
        written, without = export_footprints(workspace, target)
    if as_json:
        print_json({"file": str(target), "images": written, "without_footprint": without})
        return 0
    click.echo(f"{target}: {count_of(written, 'footprint')}")
    if without:
        note(f"{count_of(without, 'image')} without a footprint")
    return 0

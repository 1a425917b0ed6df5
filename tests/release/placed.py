"""Places for the images of a workspace."""

from __future__ import annotations

import json
from pathlib import Path

from rsitmd_tools.workspace import Workspace
from tests.builders import add

IMAGES = 40  # more than are read in one process


def with_scenes(workspace: Path, images: int = IMAGES) -> None:
    """Give the images a place, some of them in a scene without a date."""
    with Workspace.open(workspace, write=True) as opened, opened.transaction() as db:
        for scene in (1, 2):
            add(
                db, "scene", id=scene, sha256=str(scene) * 64, crs="EPSG:32632",
                transform=json.dumps([1.0, 0.0, 500000.0, 0.0, -1.0, 5500000.0]),
                acquired="2020-05-06T10:11:12Z" if scene == 1 else None,
            )  # fmt: skip
        for number in range(images):
            west, south = 9 + number / 100, 49 + number % 4 / 10
            ring = [[west, south], [west + 0.001, south], [west, south + 0.001], [west, south]]
            add(
                db, "place", image_id=number + 1, scene_id=1 + number % 2, col=number, row=0,
                width=16, height=12, gsd=1.0,
                footprint=json.dumps({"type": "Polygon", "coordinates": [ring]}),
            )  # fmt: skip

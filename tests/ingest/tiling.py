"""Tiles in a workspace, for the tests of tiling."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.ingest.image_size import set_image_size
from rsitmd_tools.ingest.plan import TileOptions
from rsitmd_tools.ingest.tiles import TileReport, ingest_tiles
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.scenes import ImagePlace, image_places
from rsitmd_tools.workspace.sources import RACY_NS

SIZE = 64


def into(folder: Path, *sources: Path, size: int = SIZE, **given: Any) -> TileReport:
    outer = {name: given.pop(name) for name in ("workers", "category", "block") if name in given}
    with Workspace.create(folder) as workspace:
        set_image_size(workspace, size)
        options = TileOptions(**{"side": size, **given})
        return ingest_tiles(workspace, sources, options, **outer)


def places(folder: Path) -> list[ImagePlace]:
    with Workspace.open(folder) as workspace:
        return image_places(workspace)


def later(folder: Path) -> None:
    """Let time pass: a file that was written just before it was read is read again."""
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        db.execute("UPDATE source_file SET read_ns = read_ns + ?", (2 * RACY_NS,))


def pixels(folder: Path, filename: str) -> npt.NDArray[np.uint8]:
    with Image.open(folder / "images" / filename) as image:
        assert (image.format, image.mode) == ("TIFF", "RGB")
        return np.asarray(image)


def windows(folder: Path) -> list[tuple[int, ...]]:
    return [place.window for place in places(folder) if place.window is not None]

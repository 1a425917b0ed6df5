"""Rasters for the tests of tiling: written by rasterio, read back by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine

UTM = "EPSG:32633"
CORNER = Affine(2.0, 0.0, 400_000.0, 0.0, -2.0, 5_000_000.0)


def values(height: int, width: int, bands: int = 3, kind: str = "uint8") -> npt.NDArray[Any]:
    """Return values that differ from place to place and never look like one another."""
    rows, columns = np.mgrid[0:height, 0:width]
    random = np.random.default_rng(7).integers(0, 90, (bands, height, width))
    base = (rows * 3 + columns * 5) % 150
    scale = 1 if kind == "uint8" else 40
    found: npt.NDArray[Any] = ((base + random + 1) * scale).astype(kind)
    return found


def write_scene(
    path: Path, data: npt.NDArray[Any], *, tags: dict[str, str] | None = None, **options: Any
) -> Path:
    """Write a GeoTIFF in UTM, 2 m a pixel, unless the options say otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": "GTiff",
        "count": data.shape[0],
        "height": data.shape[1],
        "width": data.shape[2],
        "dtype": data.dtype,
        "crs": UTM,
        "transform": CORNER,
        "photometric": "RGB" if data.shape[0] == 3 else "MINISBLACK",
        **options,
    }
    with rasterio.open(path, "w", **profile) as target:
        target.write(data)
        if tags:
            target.update_tags(**tags)
    return path

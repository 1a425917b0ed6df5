"""Rasters that tests write, and their pixels as an image of a dataset has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.imaging.decode import decode_file
from rsitmd_tools.imaging.options import BandOptions
from rsitmd_tools.imaging.source import read_image_file

SIDE = 32


def write(file: Path, values: npt.NDArray[Any], colours: str = "", **options: Any) -> Path:
    """Write a raster; ``colours`` are the meanings of its bands, ``mask`` its internal mask."""
    import rasterio
    from rasterio.enums import ColorInterp

    mask, outside = options.pop("mask", None), options.pop("msk", False)
    count, height, width = values.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=not outside),
        rasterio.open(file, "w", dtype=values.dtype, **(profile | options)) as target,
    ):
        target.write(values)
        if colours:
            target.colorinterp = [ColorInterp[name] for name in colours.split()]
        if mask is not None:
            target.write_mask(mask)
    return file


def ramp(low: float, high: float) -> npt.NDArray[np.float64]:
    return np.linspace(low, high, SIDE * SIDE).reshape(SIDE, SIDE)


def pixels(file: Path, size: int = SIDE, **options: Any) -> npt.NDArray[np.uint8]:
    decoded = decode_file(read_image_file(file), size, BandOptions(**options))
    assert (decoded.image.mode, decoded.image.size) == ("RGB", (size, size))
    return np.asarray(decoded.image)

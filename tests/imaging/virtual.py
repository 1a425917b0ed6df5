"""Small rasters, and VRT files that name them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

SIDE = 32


def tiff(path: Path, value: int = 90) -> Path:
    path.parent.mkdir(exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", count=1, width=SIDE, height=SIDE, dtype="uint8"
    ) as target:
        target.write(np.full((1, SIDE, SIDE), value, np.uint8))
    return path


def vrt(
    path: Path, name: str, relative: int = 1, more: str = "", tag: str = "SourceFilename"
) -> Path:
    path.write_text(
        f"<VRTDataset rasterXSize='{SIDE}' rasterYSize='{SIDE}'>{more}"
        "<VRTRasterBand dataType='Byte' band='1'><SimpleSource>"
        f"<{tag} relativeToVRT='{relative}'>{name}</{tag}><SourceBand>1</SourceBand>"
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    )
    return path

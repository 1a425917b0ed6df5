"""What identifies a raster: its file, and the files that its pixels depend on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.imaging.source import scene_sha256


def write(path: Path, value: int) -> Path:
    profile = {"driver": "GTiff", "width": 32, "height": 32, "count": 1, "dtype": "uint8"}
    with rasterio.open(path, "w", crs="EPSG:32633", transform=(1, 0, 9, 0, -1, 9), **profile) as f:
        f.write(np.full((1, 32, 32), value, np.uint8))
    return path


def test_a_file_alone_and_with_a_mask(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", 1)
    assert scene_sha256(path) == sha256_file(path)
    write(tmp_path / "a.tif.msk", 255)
    masked = scene_sha256(path)
    assert masked != sha256_file(path)
    write(tmp_path / "a.tif.msk", 0)
    assert scene_sha256(path) not in {masked, sha256_file(path)}


def test_a_vrt_changes_with_its_source(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", 1)
    (tmp_path / "a.vrt").write_text(
        '<VRTDataset rasterXSize="32" rasterYSize="32"><VRTRasterBand dataType="Byte" band="1">'
        '<SimpleSource><SourceFilename relativeToVRT="1">a.tif</SourceFilename>'
        "<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    before = scene_sha256(tmp_path / "a.vrt")
    write(tmp_path / "a.tif", 2)
    assert scene_sha256(tmp_path / "a.vrt") != before

"""What identifies a raster: its file, and the files that its pixels depend on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.imaging.source import (
    needs_other_files,
    other_files,
    read_image_file,
    scene_sha256,
)


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


def test_nodata_beside_a_file_counts_and_statistics_do_not(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", 1)
    metadata = "<PAMDataset><PAMRasterBand band='1'>{}</PAMRasterBand></PAMDataset>"
    hashes = []
    for text in ("<Description>a</Description>", "<NoDataValue>0</NoDataValue>"):
        (tmp_path / "a.tif.aux.xml").write_text(metadata.format(text))
        hashes.append(scene_sha256(path))
        assert read_image_file(path).sha256 == hashes[-1]
        assert needs_other_files(path) == bool(other_files(path)) == (len(hashes) == 2)
    assert hashes[0] == sha256_file(path) != hashes[1]
    (tmp_path / "a.tif.aux.xml").write_text("<PAMDataset><NoDataValue>")
    assert scene_sha256(path) == sha256_file(path)
    with rasterio.open(path, "r+") as raster:
        raster.nodata = 7
    (tmp_path / "a.tif.aux.xml").write_text(metadata.format("<NoDataValue>0</NoDataValue>"))
    assert scene_sha256(path) == sha256_file(path)  # that of the file counts
    path.write_bytes(b"")
    assert not needs_other_files(path)


def test_scales_and_colours_beside_a_file_count(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", 1)
    colours = "<ColorInterp>Palette</ColorInterp><ColorTable><Entry c1='{}'/></ColorTable>"
    texts = ["<Scale>1.0</Scale><Offset>0</Offset>", "<Scale>2</Scale>", "<Scale>3</Scale>"]
    texts += ["<Offset>2</Offset>", colours.format(1), colours.format(2)]
    hashes = []
    for text in texts:
        band = f"<PAMRasterBand band='1'>{text}</PAMRasterBand>"
        (tmp_path / "a.tif.aux.xml").write_text(f"<PAMDataset>{band}</PAMDataset>")
        hashes.append(scene_sha256(path))
        assert read_image_file(path).sha256 == hashes[-1]
    assert len(set(hashes)) == len(texts)
    assert hashes[0] == sha256_file(path)


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

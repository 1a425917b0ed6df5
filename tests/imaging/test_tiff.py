"""The directories of a TIFF: pages, masks, missing blocks; any bytes end."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rsitmd_tools.imaging.tiff import STARTS, TiffSummary, summarise

SIDE = 32


def encoded(**options: Any) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE)).save(stream, "TIFF", **options)
    return stream.getvalue()


def test_a_plain_tiff() -> None:
    assert summarise(encoded()) == TiffSummary(pages=1)
    assert summarise(encoded(big_tiff=True)) == TiffSummary(pages=1)


def test_pages_are_counted() -> None:
    more = [Image.new("L", (SIDE, SIDE))] * 2
    assert summarise(encoded(save_all=True, append_images=more)).pages == 3


def test_the_orientation() -> None:
    exif = Image.Exif()
    exif[274] = 6
    assert summarise(encoded(exif=exif)).orientation == 6


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("bigtiff", ["yes", "no"])
@pytest.mark.parametrize("endianness", ["little", "big"])
def test_what_gdal_writes(tmp_path: Path, bigtiff: str, endianness: str) -> None:
    rasterio = pytest.importorskip("rasterio")
    profile = {"driver": "GTiff", "width": 64, "height": 64, "count": 2, "dtype": "uint8"}
    profile |= {"tiled": True, "blockxsize": 16, "blockysize": 16, "sparse_ok": True}
    values = np.full((2, 64, 64), 3, np.uint8)
    values[:, :16] = 9
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            tmp_path / "a.tif",
            "w",
            bigtiff=bigtiff,
            endianness=endianness,
            nodata=3,
            alpha="premultiplied",
            photometric="minisblack",
            **profile,
        ) as target,
    ):
        target.write(values)
        target.write_mask(values[0] > 3)
    with rasterio.open(tmp_path / "a.tif", "r+") as target:
        target.build_overviews([2, 4])
    summary = summarise((tmp_path / "a.tif").read_bytes())
    assert summary == TiffSummary(
        pages=1, masked=True, sparse=True, premultiplied=True, nodata="3"
    )  # overviews and masks are no pages


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_have_a_summary(tail: bytes) -> None:
    for start in STARTS:
        assert summarise(start + tail).pages >= 0


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_changed_tiff_has_a_summary(data: st.DataObject) -> None:
    blob = bytearray(encoded(save_all=True, append_images=[Image.new("L", (4, 4))]))
    for _ in range(3):
        blob[data.draw(st.integers(0, len(blob) - 1))] = data.draw(st.integers(0, 255))
    summarise(bytes(blob))

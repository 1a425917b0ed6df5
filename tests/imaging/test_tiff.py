"""The directories of a TIFF: pages, masks, missing blocks; any bytes end."""

from __future__ import annotations

import io
import operator
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


TWO_PAGES = encoded(save_all=True, append_images=[Image.new("L", (4, 4))])
CHANGES = st.lists(
    st.tuples(st.integers(0, len(TWO_PAGES) - 1), st.integers(0, 255)), min_size=1, max_size=3
)


def changed(changes: list[tuple[int, int]]) -> bytes:
    """Return a TIFF of two pages with other values of some bytes."""
    blob = bytearray(TWO_PAGES)
    for at, value in changes:
        blob[at] = value
    return bytes(blob)


@given(
    st.builds(operator.add, st.sampled_from(STARTS), st.binary(max_size=200))
    | st.builds(changed, CHANGES)
)
@settings(max_examples=1000, deadline=None)
def test_no_bytes_raise_an_error(blob: bytes) -> None:
    # Each page has a directory of its own, which starts at a byte of its own.
    assert summarise(blob).pages <= len(blob)

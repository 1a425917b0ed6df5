"""Mutated raster files: an image or a reason in one line, no message of a library, no hang."""

from __future__ import annotations

import random
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rsitmd_tools.imaging.decode import decode_file
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.quiet import quiet_decoders
from rsitmd_tools.imaging.source import read_image_file
from tests.fuzz.mutation import SECONDS, bounded_memory, mutated
from tests.real_data import REAL_DATA

rasterio = pytest.importorskip("rasterio")

FEW, MANY = 100, 2000
LARGEST = 60_000  # bytes of a real file that is mutated
SIDE = 48
COUNTS = [pytest.param(FEW, id="few"), pytest.param(MANY, id="many", marks=pytest.mark.soak)]

KINDS: dict[str, dict[str, Any]] = {
    "deep.tif": {"dtype": "uint16", "count": 4, "compress": "deflate", "predictor": 2},
    "float.tif": {"dtype": "float32", "count": 1, "compress": "lzw", "nodata": -9999},
    "tiled.tif": {"dtype": "int16", "count": 3, "tiled": True, "blockxsize": 16, "blockysize": 16},
    "sparse.tif": {"dtype": "uint8", "count": 3, "sparse_ok": True, "compress": "zstd"},
    "big.tif": {"dtype": "uint8", "count": 3, "bigtiff": "yes", "photometric": "rgb"},
    "jpeg.tif": {"dtype": "uint8", "count": 3, "compress": "jpeg", "photometric": "ycbcr"},
    "webp.tif": {"dtype": "uint8", "count": 3, "compress": "webp", "interleave": "pixel"},
    "a.jp2": {"dtype": "uint16", "count": 3, "driver": "JP2OpenJPEG"},
    "a.webp": {"dtype": "uint8", "count": 3, "driver": "WEBP"},
    "a.png": {"dtype": "uint16", "count": 3, "driver": "PNG"},
}


def drawn(folder: Path) -> list[Path]:
    """Write small rasters of many kinds, and a VRT of some."""
    folder.mkdir()
    values = np.random.default_rng(0).integers(0, 255, (4, SIDE, SIDE))
    values = np.cumsum(values, axis=2) % 250
    for name, options in KINDS.items():
        profile = {"driver": "GTiff", "width": SIDE, "height": SIDE} | options
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
            rasterio.open(folder / name, "w", **profile) as target,
        ):
            target.write(values[: options["count"]].astype(options["dtype"]))
            if name in ("big.tif", "jpeg.tif"):
                target.write_mask(values[0] > 90)
    (folder / "a.vrt").write_text(
        f"<VRTDataset rasterXSize='{SIDE}' rasterYSize='{SIDE}'>"
        + "".join(
            f"<VRTRasterBand dataType='UInt16' band='{band}'><NoDataValue>0</NoDataValue>"
            "<ComplexSource><SourceFilename relativeToVRT='1'>deep.tif</SourceFilename>"
            f"<SourceBand>{band}</SourceBand><ScaleRatio>2</ScaleRatio></ComplexSource>"
            "</VRTRasterBand>"
            for band in (1, 2, 3)
        )
        + "</VRTDataset>"
    )
    return sorted(folder.iterdir())


def real() -> list[Path]:
    return sorted(
        path
        for path in (REAL_DATA / "rasters").glob("*")
        if path.suffix != ".md" and path.stat().st_size <= LARGEST
    )


@pytest.mark.parametrize("source", ["drawn", "real"])
@pytest.mark.parametrize("count", COUNTS)
def test_mutated_rasters(
    tmp_path: Path, count: int, source: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        files = drawn(tmp_path / "rasters") if source == "drawn" else real()
    if not files:
        pytest.skip("no real rasters: set RSITMD_DATA to the folder of real data")
    capfd.readouterr()
    images = reasons = 0
    with bounded_memory():
        for seed in range(count):
            chance = random.Random(seed)
            original = chance.choice(files)
            file = (tmp_path / "rasters" if source == "drawn" else tmp_path) / f"m{original.suffix}"
            file.write_bytes(mutated(original.read_bytes(), chance))
            began = time.process_time()
            try:
                with quiet_decoders():
                    decoded = decode_file(read_image_file(file), 64)
                assert decoded.image.size == (64, 64), seed
                images += 1
            except UnusableImageError as error:
                assert str(error).isprintable(), (seed, str(error))
                assert "vsimem" not in str(error), seed
                reasons += 1
            assert time.process_time() - began < SECONDS, f"seed {seed}: {original.name} hangs"
    assert capfd.readouterr().err == ""
    assert images > count / 20 and reasons > count / 20

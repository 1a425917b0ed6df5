"""Rasters with other bands than 8 bits of red, green and blue, read by rasterio."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from rsitmd_tools.imaging import bands, limits
from rsitmd_tools.imaging.decode import decode
from rsitmd_tools.imaging.limits import UnusableImageError

rasterio = pytest.importorskip("rasterio")
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

SIDE = 32


def raster(file: Path, values: npt.NDArray[Any], colours: str = "", **options: Any) -> bytes:
    from rasterio.enums import ColorInterp

    count, height, width = values.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width}
    with rasterio.open(file, "w", dtype=values.dtype, **profile, **options) as target:
        target.write(values)
        if colours:
            target.colorinterp = [ColorInterp[name] for name in colours.split()]
    return file.read_bytes()


def ramp(low: float, high: float) -> npt.NDArray[np.float64]:
    return np.linspace(low, high, SIDE * SIDE).reshape(SIDE, SIDE)


def pixels(data: bytes) -> npt.NDArray[np.uint8]:
    image, size = decode(data, SIDE)
    assert (image.mode, image.size, size) == ("RGB", (SIDE, SIDE), (SIDE, SIDE))
    return np.asarray(image)


def test_bands_marked_red_green_blue_are_used(tmp_path: Path) -> None:
    values = np.stack([ramp(0, 0), ramp(0, 3000), ramp(3000, 0), ramp(1500, 1500)])
    marked = "undefined blue green red"
    found = pixels(raster(tmp_path / "a.tif", values.astype(np.uint16), marked))
    red, green, blue = found[0, 0].astype(int)
    assert green == 255 and blue == 0 and 100 < red < 155
    assert found[-1, -1].tolist()[1:] == [0, 255]


def test_unmarked_bands_are_the_first_three_and_keep_their_relation(tmp_path: Path) -> None:
    values = np.stack([ramp(0, 4000), ramp(0, 2000), ramp(0, 0), ramp(9000, 9000)])
    found = pixels(raster(tmp_path / "a.tif", values.astype(np.uint16), photometric="minisblack"))
    last = found[-1, -1].astype(int)
    assert last[0] == 255 and abs(last[1] - 128) < 16 and last[2] == 0


def test_a_single_band_of_floats_is_grey_and_nodata_black(tmp_path: Path) -> None:
    values = ramp(-1.0, 1.0)[None].astype(np.float32)
    values[0, -1, -1] = -9999
    values[0, -1, -2] = np.nan
    found = pixels(raster(tmp_path / "a.tif", values, nodata=-9999))
    assert (found[..., 0] == found[..., 1]).all() and (found[..., 0] == found[..., 2]).all()
    assert found[0, 0, 0] == 0 and found[-1, 0, 0] > 240
    assert found[-1, -1, 0] == found[-1, -2, 0] == 0


def test_eight_bits_of_five_bands_are_not_stretched(tmp_path: Path) -> None:
    values = np.full((5, SIDE, SIDE), 90, np.uint8)
    values[0] = 200
    assert (pixels(raster(tmp_path / "a.tif", values)) == (200, 90, 90)).all()


def test_sixteen_bits_of_rgb_in_a_png(tmp_path: Path) -> None:
    values = np.stack([ramp(0, 60000), ramp(0, 0), ramp(0, 0)]).astype(np.uint16)
    file = tmp_path / "a.png"
    with rasterio.open(
        file, "w", driver="PNG", count=3, height=SIDE, width=SIDE, dtype="uint16"
    ) as target:
        target.write(values)
    found = pixels(file.read_bytes())
    assert found[0, 0].tolist() == [0, 0, 0] and found[-1, -1].tolist() == [255, 0, 0]


def test_a_large_raster_is_read_small(tmp_path: Path) -> None:
    values = np.zeros((5, 640, 640), np.uint8)
    values[0, :320] = 255
    image, size = bands.read_bands(raster(tmp_path / "a.tif", values), SIDE)
    assert size == (640, 640)
    assert image.size == (64, 64)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (np.full((1, SIDE, SIDE), np.nan, np.float32), "has no finite value"),
        (np.ones((1, SIDE, SIDE), np.complex64), "has complex numbers"),
        (np.ones((5, 4, 4), np.uint16), "is 4 x 4, smaller"),
    ],
)
def test_empty_rasters_are_refused(tmp_path: Path, values: npt.NDArray[Any], why: str) -> None:
    with pytest.raises(UnusableImageError, match=why):
        decode(raster(tmp_path / "a.tif", values), SIDE)


def test_the_size_is_checked_before_the_values_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = raster(tmp_path / "a.tif", np.ones((5, SIDE, SIDE), np.uint16))
    monkeypatch.setattr(limits, "MAX_PIXELS", 1000)
    with pytest.raises(UnusableImageError, match="cut it into tiles"):
        decode(data, SIDE)


def test_a_damaged_raster_has_a_reason(tmp_path: Path) -> None:
    data = raster(tmp_path / "a.tif", np.ones((5, SIDE, SIDE), np.uint16))
    with pytest.raises(UnusableImageError, match="cannot be decoded"):
        decode(data[:400], SIDE)


def test_a_file_cannot_refer_to_another_file(tmp_path: Path) -> None:
    # GDAL reads formats that point to other files; only TIFF and PNG are let through.
    secret = tmp_path / "secret.tif"
    raster(secret, np.ones((1, SIDE, SIDE), np.uint8))
    data = (
        f"<VRTDataset rasterXSize='{SIDE}' rasterYSize='{SIDE}'>"
        "<VRTRasterBand dataType='Byte' band='1'><SimpleSource>"
        f"<SourceFilename relativeToVRT='0'>{secret}</SourceFilename><SourceBand>1</SourceBand>"
        "</SimpleSource></VRTRasterBand></VRTDataset>"
    ).encode()
    with pytest.raises(UnusableImageError, match="cannot be decoded"):
        bands.read_bands(data, SIDE)


def test_without_rasterio_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = raster(tmp_path / "a.tif", np.ones((5, SIDE, SIDE), np.uint16))
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(UnusableImageError, match=r"rsitmd-tools\[geo\]"):
        decode(data, SIDE)

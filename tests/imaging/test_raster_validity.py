"""Rasters: which pixels are valid. The others are black and out of the stretch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.raster import open_raster
from rsitmd_tools.imaging.source import read_image_file
from tests.imaging.rasters import SIDE, pixels, write

rasterio = pytest.importorskip("rasterio")
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
RED, GREEN = (255, 0, 0), (0, 255, 0)
NODATA = [("int16", -9999), ("uint16", 0), ("uint16", 65535), ("int32", -(2**31)), ("uint8", 255)]
NODATA += [("float32", -3.4e38), ("float32", float("nan")), ("float64", -9999)]  # type: ignore[list-item]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("kind", "nodata"), NODATA)
def test_nodata_is_black_and_out_of_the_stretch(
    tmp_path: Path, kind: str, nodata: float, count: int
) -> None:
    low, high = (20, 218) if kind == "uint8" else (100, 1100)
    values = np.full((count, 64, 64), nodata, kind)
    values[:, :, :40] = np.linspace(low, high, 40)
    found = pixels(write(tmp_path / "a.tif", values, nodata=nodata), 64)
    assert (found[:, 40:] == 0).all()
    expected = (20, 218) if kind == "uint8" else (0, 255)
    assert (found[0, 0, 0], found[0, 39, 0]) == expected
    assert abs(found[:, :40].mean() - (127.5 if kind != "uint8" else 119)) < 1


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
@pytest.mark.parametrize("driver", ["GTiff", "JP2OpenJPEG", "PNG"])
def test_nodata_beside_a_file(tmp_path: Path, driver: str, kind: str) -> None:
    values = np.zeros((3, 64, 64), kind)
    values[:, :, :33] = np.linspace(50, 250, 33)
    inside = write(tmp_path / "a.tif", values, nodata=0)
    lossless = {"QUALITY": "100", "REVERSIBLE": "YES"} if driver == "JP2OpenJPEG" else {}
    file = write(tmp_path / "b.tif", values, driver=driver, **lossless)
    before = pixels(file, 32)
    bands = "".join(
        f"<PAMRasterBand band='{band}'><NoDataValue>0</NoDataValue></PAMRasterBand>"
        for band in (1, 2, 3)
    )
    file.with_name("b.tif.aux.xml").write_text(f"<PAMDataset>{bands}</PAMDataset>")
    assert (pixels(file, 32) == pixels(inside, 32)).all()
    assert (pixels(file, 32) != before).any()


@pytest.mark.parametrize("nodata", [0, 1])
@pytest.mark.parametrize("count", [1, 3])
def test_nodata_of_bytes_has_no_part_in_its_neighbours(
    tmp_path: Path, count: int, nodata: int
) -> None:
    values = np.full((count, 64, 64), 200, np.uint8)
    values[:, :, :33] = nodata
    file = write(tmp_path / "a.tif", values, nodata=nodata)
    assert set(np.unique(pixels(file, 32))) == {0, 200}
    values[:] = nodata
    with pytest.raises(UnusableImageError, match="has no valid pixel"):
        pixels(write(tmp_path / "b.tif", values, nodata=nodata), 32)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_few_values_that_are_not_finite_do_not_matter(tmp_path: Path, value: float) -> None:
    values = np.tile(np.linspace(0, 1, 512, dtype=np.float32), (1, 512, 1))
    holes = np.random.default_rng(3).random((512, 512)) < 0.004
    values[0, holes] = value
    found = pixels(write(tmp_path / "a.tif", values), 256)[..., 0].astype(int)
    assert (found[:, 10:] == 0).mean() < 0.001
    ideal = np.clip((np.linspace(0, 1, 256) - 0.02) / 0.96, 0, 1) * 255
    assert np.abs(found - ideal).max() < 4


@pytest.mark.parametrize("outside", [False, True], ids=["internal", "msk"])
@pytest.mark.parametrize(("kind", "count"), [("uint8", 1), ("uint8", 3), ("uint16", 1)])
def test_masked_pixels_are_black_and_out_of_the_stretch(
    tmp_path: Path, kind: str, count: int, outside: bool
) -> None:
    values = np.full((count, 64, 64), 250 if kind == "uint8" else 60_000, kind)
    values[:, :, :40] = np.linspace(20, 218, 40)
    mask = np.zeros((64, 64), np.uint8)
    mask[:, :40] = 255
    file = write(tmp_path / "a.tif", values, mask=mask, msk=outside)
    assert (tmp_path / "a.tif.msk").exists() == outside
    found = pixels(file, 64)
    assert (found[:, 40:] == 0).all() and (found[:, 1:40] > 0).all()
    if kind == "uint8":
        assert (found[:, :40] == values[0, :, :40, None]).all()
    else:
        assert found[:, 39].max() == 255


def left(width: int = 40) -> npt.NDArray[np.uint8]:
    """Return a mask of 64 x 64 pixels whose left columns are valid."""
    mask = np.zeros((64, 64), np.uint8)
    mask[:, :width] = 255
    return mask


def test_masked_pixels_of_three_bands_of_16_bits(tmp_path: Path) -> None:
    values = np.full((3, 64, 64), 60_000, np.uint16)
    for band, (low, high) in enumerate([(100, 1100), (200, 900), (300, 1500)]):
        values[band, :, :40] = np.linspace(low, high, 40)
    found = pixels(write(tmp_path / "a.tif", values, mask=left(), photometric="rgb"), 64)
    valid = values[:, :, :40].transpose(1, 2, 0).astype(np.float64)
    low, high = np.percentile(valid, (2, 98))
    expected = np.clip((valid - low) / (high - low), 0, 1) * 255
    assert np.abs(found[:, :40] - expected).max() <= 1
    assert (found[:, 40:] == 0).all()


@pytest.mark.parametrize("photometric", ["rgb", "ycbcr"])
def test_masked_pixels_of_a_jpeg_in_a_tiff(tmp_path: Path, photometric: str) -> None:
    values = np.full((3, 64, 64), 250, np.uint8)
    values[:, :, :40] = np.linspace(20, 218, 40)
    file = write(
        tmp_path / "a.tif", values, mask=left(), compress="jpeg", photometric=photometric,
        interleave="pixel",
    )  # fmt: skip
    found = pixels(file, 64)
    with rasterio.open(file) as raster:
        expected = (raster.read() * (raster.dataset_mask() > 0)).transpose(1, 2, 0)
    assert (found == expected).all()
    assert (found[:, 40:] == 0).all() and found[:, :40].mean() == pytest.approx(119, abs=2)


def test_the_mask_beside_a_file_belongs_to_its_hash(tmp_path: Path) -> None:
    values = np.full((1, SIDE, SIDE), 90, np.uint8)
    file = write(tmp_path / "a.tif", values)
    alone = read_image_file(file).sha256
    write(tmp_path / "a.tif", values, mask=np.full((SIDE, SIDE), 255, np.uint8), msk=True)
    masked = read_image_file(file)
    assert masked.sha256 != alone and not masked.alone


@pytest.mark.parametrize("compress", ["none", "deflate"])
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_missing_blocks_are_black_and_out_of_the_stretch(
    tmp_path: Path, kind: str, compress: str
) -> None:
    values = np.zeros((3, 128, 128), kind)
    values[:, :64, :64] = np.linspace(100, 250, 64)
    file = write(
        tmp_path / "a.tif", values, tiled=True, blockxsize=64, blockysize=64,
        sparse_ok=True, compress=compress,
    )  # fmt: skip
    found = pixels(file, 128)
    assert (found[64:] == 0).all() and (found[:, 64:] == 0).all()
    expected = values[0, :64, :64] if kind == "uint8" else None
    if expected is not None:
        assert (found[:64, :64, 0] == expected).all()
    else:
        assert found[:64, :2].max() == 0 and found[:64, 63].min() == 255


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_premultiplied_alpha(tmp_path: Path, count: int, interleave: str) -> None:
    values = np.zeros((count + 1, 64, 64), np.uint8)
    values[:count, :, :40] = np.linspace(20, 120, 40)
    values[count, :, :40] = 128
    file = write(
        tmp_path / "a.tif", values, alpha="premultiplied", interleave=interleave,
        photometric="rgb" if count == 3 else "minisblack",
    )  # fmt: skip
    found = pixels(file, 64).astype(int)
    assert (found[:, 40:] == 0).all()
    assert np.abs(found[:, :40, 0] - values[0, :, :40]).max() <= 1


def test_transparent_pixels_of_16_bits_are_out_of_the_stretch(tmp_path: Path) -> None:
    values = np.full((4, 64, 64), 60_000, np.uint16)
    values[:3, :, :40] = np.linspace(100, 1100, 40)
    values[3, :, 40:] = 0
    found = pixels(write(tmp_path / "a.tif", values, photometric="rgb", alpha="yes"), 64)
    assert (found[:, 40:] == 0).all() and found[0, 39, 0] == 255


def test_a_palette_of_16_bits_and_its_transparent_entry(tmp_path: Path) -> None:
    values = np.zeros((1, SIDE, SIDE), np.uint8)
    values[0, :16], values[0, 16:, 16:] = 1, 2
    file = write(tmp_path / "a.tif", values, photometric="palette", nodata=2)
    with rasterio.open(file, "r+") as target:
        target.write_colormap(1, {0: (*RED, 255), 1: (*GREEN, 255), 2: (9, 9, 9, 255)})
    found = pixels(file)
    assert tuple(found[0, 0]) == GREEN and tuple(found[-1, 0]) == RED
    assert tuple(found[-1, -1]) == (0, 0, 0)


def test_a_sample_without_a_valid_pixel_is_replaced_by_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rsitmd_tools.imaging import windowed as raster
    from rsitmd_tools.imaging import windows

    values = np.zeros((1, 512, 512), np.uint16)
    values[0, 500:, 500:] = np.arange(1, 145).reshape(12, 12)
    file = write(tmp_path / "a.tif", values, tiled=True, blockxsize=16, blockysize=16, nodata=0)
    monkeypatch.setattr(raster, "EXACT", 1000)
    monkeypatch.setattr(windows, "PIXELS", 256)
    with open_raster(file) as opened:
        assert opened.value_range() == pytest.approx(np.percentile(np.arange(1, 145), (2, 98)))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (np.full((1, SIDE, SIDE), np.nan, np.float32), "has no finite value"),
        (np.full((4, SIDE, SIDE), 5, np.uint16), "has no finite value"),
        (np.full((2, SIDE, SIDE), 5, np.uint8), "has no valid pixel"),
        (np.ones((1, SIDE, SIDE), np.complex64), "has complex numbers"),
        (np.ones((5, 4, 4), np.uint16), "is 4 x 4, smaller"),
    ],
)
def test_empty_rasters_are_refused(tmp_path: Path, values: npt.NDArray[Any], why: str) -> None:
    file = write(tmp_path / "a.tif", values, nodata=None if values.dtype.kind == "c" else 5)
    with pytest.raises(UnusableImageError, match=why):
        pixels(file)

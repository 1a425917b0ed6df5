"""Rasters: which bands become colours, and how values are stretched."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rsitmd_tools.errors import WrongUsage
from rsitmd_tools.imaging import limits
from rsitmd_tools.imaging.decode import Reading, decode_file
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.options import (
    BandOptions,
    ValueRange,
    parse_bands,
    parse_percentiles,
    parse_range,
)
from rsitmd_tools.imaging.raster import open_raster
from rsitmd_tools.imaging.source import read_image_file
from tests.imaging.rasters import SIDE, pixels, ramp, write
from tests.pictures import decode

rasterio = pytest.importorskip("rasterio")
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def test_bands_marked_red_green_blue_are_used(tmp_path: Path) -> None:
    values = np.stack([ramp(0, 0), ramp(0, 3000), ramp(3000, 0), ramp(1500, 1500)])
    marked = "undefined blue green red"
    found = pixels(write(tmp_path / "a.tif", values.astype(np.uint16), marked))
    red, green, blue = found[0, 0].astype(int)
    assert green == 255 and blue == 0 and 100 < red < 155
    assert found[-1, -1].tolist()[1:] == [0, 255]


@pytest.mark.parametrize(
    ("marked", "colour"),
    [
        ("blue green red", (60, 40, 20)),
        ("undefined green blue red", (80, 40, 60)),
        ("red green blue alpha", (20, 40, 60)),
        ("alpha red green blue", (40, 60, 80)),
    ],
)
def test_marked_bands_of_bytes_are_used_in_their_order(
    tmp_path: Path, marked: str, colour: tuple[int, int, int]
) -> None:
    count = len(marked.split())
    values = np.ones((count, SIDE, SIDE), np.uint8)
    values *= np.arange(20, 20 * count + 1, 20, dtype=np.uint8)[:, None, None]
    if "alpha" in marked:
        values[marked.split().index("alpha")] = 255
    file = write(tmp_path / "a.tif", values, marked)
    assert (pixels(file) == colour).all()


def test_unmarked_bands_are_the_first_three_and_keep_their_relation(tmp_path: Path) -> None:
    values = np.stack([ramp(0, 4000), ramp(0, 2000), ramp(0, 0), ramp(9000, 9000)])
    found = pixels(write(tmp_path / "a.tif", values.astype(np.uint16), photometric="minisblack"))
    last = found[-1, -1].astype(int)
    assert last[0] == 255 and abs(last[1] - 128) < 16 and last[2] == 0


def test_bands_can_be_chosen_and_ordered(tmp_path: Path) -> None:
    values = np.zeros((12, SIDE, SIDE), np.uint8)
    values[:] = np.arange(12, dtype=np.uint8)[:, None, None] * 10
    file = write(tmp_path / "a.tif", values)
    assert (pixels(file, bands=(12, 1, 4)) == (110, 0, 30)).all()
    assert (pixels(file, bands=(7,)) == 60).all()
    decoded = decode_file(read_image_file(file), SIDE, BandOptions(bands=(12, 1, 4)))
    assert decoded.reading == Reading((12, 1, 4), None, None)
    with pytest.raises(UnusableImageError, match="has 12 bands, --bands names band 13"):
        pixels(file, bands=(13, 1, 1))


def test_bands_of_a_jpeg_can_be_ordered_too(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (SIDE, SIDE), (200, 10, 90)).save(tmp_path / "a.jpg", quality=100)
    found = pixels(tmp_path / "a.jpg", bands=(3, 2, 1)).astype(int)
    assert np.abs(found - (90, 10, 200)).max() <= 3


def test_a_fixed_range_is_used_and_recorded(tmp_path: Path) -> None:
    values = np.stack([ramp(0, 20_000)] * 3).astype(np.uint16)
    file = write(tmp_path / "a.tif", values)
    decoded = decode_file(read_image_file(file), SIDE, BandOptions(value_range=(0, 10_000)))
    expected = np.clip(values[0] / 10_000, 0, 1) * 255
    assert np.abs(np.asarray(decoded.image)[..., 0] - expected).max() <= 0.5
    assert decoded.reading == Reading((1, 2, 3), ValueRange(0, 10_000), None)


@pytest.mark.parametrize("percentiles", [(2.0, 98.0), (0.0, 100.0), (10.0, 50.0)])
@pytest.mark.parametrize("kind", ["int8", "uint16", "int16", "int32", "float32", "float64"])
def test_percentiles_are_those_of_numpy(
    tmp_path: Path, kind: str, percentiles: tuple[float, float]
) -> None:
    values = np.random.default_rng(4).normal(20, 30, (1, SIDE, SIDE)).astype(kind)
    file = write(tmp_path / "a.tif", values)
    decoded = decode_file(read_image_file(file), SIDE, BandOptions(percentiles=percentiles))
    low, high = np.percentile(values, percentiles)
    assert decoded.reading is not None and decoded.reading.limits is not None
    assert decoded.reading.limits == pytest.approx((low, high))
    assert decoded.reading.percentiles == percentiles
    expected = np.clip((values[0].astype(float) - low) / (high - low), 0, 1) * 255
    assert np.abs(np.asarray(decoded.image)[..., 0] - expected).max() <= 0.51


def test_scales_and_offsets_of_bands_are_applied(tmp_path: Path) -> None:
    values = np.stack([ramp(0, 1000), ramp(0, 100), ramp(0, 10)]).astype(np.int16)
    file = write(tmp_path / "a.tif", values, photometric="rgb")
    with rasterio.open(file, "r+") as target:
        target.scales, target.offsets = (1.0, 10.0, 100.0), (5.0, 5.0, 5.0)
    found = pixels(file).astype(int)
    assert np.abs(found[..., 0] - found[..., 1]).max() <= 3
    assert np.abs(found[..., 0] - found[..., 2]).max() <= 26
    ranged = pixels(file, value_range=(5, 1005)).astype(int)
    assert np.abs(ranged[..., 0] - values[0] / 1000 * 255).max() <= 1


@pytest.mark.parametrize("driver", ["GTiff", "JP2OpenJPEG", "PNG"])
def test_scales_beside_a_file_are_applied_to_images_and_to_tiles(
    tmp_path: Path, driver: str
) -> None:
    values = np.stack([ramp(0, 1000), ramp(0, 100), ramp(0, 10)]).astype(np.uint16)
    lossless = {"QUALITY": "100", "REVERSIBLE": "YES"} if driver == "JP2OpenJPEG" else {}
    file = write(tmp_path / "a.tif", values, driver=driver, **lossless)
    bands = "".join(
        f"<PAMRasterBand band='{band}'><Offset>5</Offset><Scale>{scale}</Scale></PAMRasterBand>"
        for band, scale in ((1, 1), (2, 10), (3, 100))
    )
    file.with_name("a.tif.aux.xml").write_text(f"<PAMDataset>{bands}</PAMDataset>")
    found = pixels(file, value_range=(5, 1005))
    assert np.abs(found[..., 2] - values[2] / 10.0 * 255).max() <= 1
    with open_raster(file) as raster:
        options = BandOptions(value_range=(5, 1005))
        tile, _ = raster.read_rgb(options=options, limits=raster.value_range(options))
    assert (found == tile).all()


def test_colours_beside_a_tiff_are_those_of_images_and_of_tiles(tmp_path: Path) -> None:
    values = np.ones((3, SIDE, SIDE), np.uint8) * np.array([20, 40, 60], np.uint8)[:, None, None]
    file = write(tmp_path / "a.tif", values)
    bands = "".join(
        f"<PAMRasterBand band='{band}'><ColorInterp>{name}</ColorInterp></PAMRasterBand>"
        for band, name in ((1, "Blue"), (2, "Green"), (3, "Red"))
    )
    file.with_name("a.tif.aux.xml").write_text(f"<PAMDataset>{bands}</PAMDataset>")
    assert (pixels(file) == (60, 40, 20)).all()
    with open_raster(file) as raster:
        assert (raster.read_rgb()[0] == (60, 40, 20)).all()


@pytest.mark.parametrize("compress", ["webp", "zstd", "lerc"])
def test_compressions_that_pillow_lacks(
    tmp_path: Path, compress: str, capfd: pytest.CaptureFixture[str]
) -> None:
    values = np.stack([ramp(20, 218)] * 3).astype(np.uint8)
    extra = {"webp_lossless": True} if compress == "webp" else {}
    file = write(tmp_path / "a.tif", values, compress=compress, interleave="pixel", **extra)
    from rsitmd_tools.imaging.quiet import quiet_decoders

    with quiet_decoders():
        found = pixels(file)
    assert (found == values.transpose(1, 2, 0)).all()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 6, 7])
def test_fewer_than_eight_bits_use_the_whole_range(tmp_path: Path, bits: int) -> None:
    top = 2**bits - 1
    values = np.random.default_rng(bits).integers(0, top + 1, (3, SIDE, SIDE), dtype=np.uint8)
    found = pixels(write(tmp_path / "a.tif", values, nbits=bits, photometric="rgb"))
    assert (found == np.round(values.transpose(1, 2, 0) / top * 255)).all()


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_the_orientation_of_a_tiff_is_applied_unless_it_has_coordinates(
    tmp_path: Path, kind: str
) -> None:
    from PIL import Image
    from rasterio.transform import from_origin

    values = np.zeros((SIDE, SIDE), kind)
    values[: SIDE // 2] = 255
    exif = Image.Exif()
    exif[274] = 3
    Image.fromarray(values).save(tmp_path / "a.tif", exif=exif)
    assert pixels(tmp_path / "a.tif")[0, 0, 0] == 0
    with rasterio.open(tmp_path / "a.tif", "r+") as target:
        target.crs, target.transform = "EPSG:32632", from_origin(0, 0, 1, 1)
    assert pixels(tmp_path / "a.tif")[0, 0, 0] == 255


def test_sixteen_bits_of_rgb_in_a_png(tmp_path: Path) -> None:
    values = np.stack([ramp(0, 60000), ramp(0, 0), ramp(0, 0)]).astype(np.uint16)
    found = pixels(write(tmp_path / "a.png", values, driver="PNG"))
    assert found[0, 0].tolist() == [0, 0, 0] and found[-1, -1].tolist() == [255, 0, 0]


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16"])
def test_jpeg_2000(tmp_path: Path, kind: str) -> None:
    values = np.stack([ramp(0, 200)] * 3).astype(kind)
    file = write(tmp_path / "a.jp2", values, driver="JP2OpenJPEG", quality=100, reversible="yes")
    found = pixels(file)
    assert (found == pixels(write(tmp_path / "a.tif", values, photometric="rgb"))).all()
    if kind == "uint8":
        assert (found == values.transpose(1, 2, 0)).all()
    else:
        assert found[0, 0].max() == 0 and found[-1, -1].min() == 255
        assert len(np.unique(found)) > 190, "each value has a grey of its own"


def test_pages_after_the_first_are_noted(tmp_path: Path) -> None:
    from PIL import Image

    one = Image.new("L", (SIDE, SIDE), 40)
    one.save(tmp_path / "a.tif", save_all=True, append_images=[one, one])
    decoded = decode_file(read_image_file(tmp_path / "a.tif"), SIDE)
    assert decoded.note == "only the first of its 3 pages was read"
    values = np.stack([ramp(0, 200)] * 3).astype(np.uint8)
    file = write(tmp_path / "b.tif", values, mask=np.full((SIDE, SIDE), 255, np.uint8))
    assert decode_file(read_image_file(file), SIDE).note is None, "a mask is no page"


def test_a_large_raster_is_averaged_in_strips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rsitmd_tools.imaging import windowed as raster

    values = np.zeros((5, 700, 640), np.uint8)
    values[0, ::2] = 255
    file = write(tmp_path / "a.tif", values, nodata=7)
    monkeypatch.setattr(raster, "STRIP", 10_000)
    rows: list[int] = []
    read = raster.Raster._read

    def counted(self: Any, window: Any, *rest: Any) -> Any:
        rows.append(window[3])
        return read(self, window, *rest)

    monkeypatch.setattr(raster.Raster, "_read", counted)
    found = pixels(file)
    assert max(rows) < 20 and sum(rows) == 640
    assert np.abs(found[..., 0].astype(int) - 128).max() <= 1 and (found[..., 1:] == 0).all()


def test_overviews_are_used_for_large_scenes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rsitmd_tools.imaging import windowed as raster

    values = np.stack([np.tile(np.linspace(0, 4000, 640), (640, 1))] * 4).astype(np.uint16)
    file = write(tmp_path / "a.tif", values, photometric="minisblack")
    monkeypatch.setattr(raster, "LARGE", 1000)
    without = pixels(file)
    with rasterio.open(file, "r+") as target:
        target.build_overviews([2, 4, 8], rasterio.enums.Resampling.average)
    monkeypatch.setattr(raster.Raster, "_averaged", None)
    assert np.abs(pixels(file).astype(int) - without).max() <= 3


def made(kind: str, file: Path) -> Path:
    """Write a raster whose overviews do not say what its first image says."""
    steps = np.tile(np.linspace(0, 200, 640), (640, 1))
    tiled = {"tiled": True, "blockxsize": 64, "blockysize": 64}
    if kind == "scaled":
        write(file, np.stack([steps * 20] * 3).astype(np.uint16), photometric="minisblack")
        with rasterio.open(file, "r+") as target:
            target.scales, target.offsets = (1e-4,) * 3, (-0.1,) * 3
    elif kind == "white-is-zero":
        write(file, steps[None].astype(np.uint8), photometric="miniswhite")
    elif kind == "sparse":
        with rasterio.open(
            file, "w", driver="GTiff", count=1, height=640, width=640, dtype="uint8",
            sparse_ok=True, **tiled,
        ) as target:  # fmt: skip
            target.write(steps[None, :320].astype(np.uint8) + 1, window=((0, 320), (0, 640)))
    else:
        write(file, np.stack([steps] * 4).astype(np.uint8), photometric="cmyk")
    return file


@pytest.mark.parametrize("beside", ["YES", "NO"])
def test_overviews_do_not_change_the_valid_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: str
) -> None:
    from rsitmd_tools.imaging import windowed as raster

    mask = np.zeros((640, 640), np.uint8)
    mask[:, :320] = 255
    file = write(tmp_path / "a.tif", np.full((1, 640, 640), 200, np.uint8), mask=mask)
    with rasterio.Env(TIFF_USE_OVR=beside), rasterio.open(file, "r+") as target:
        target.build_overviews([2, 4, 8], rasterio.enums.Resampling.average)
    assert (tmp_path / "a.tif.ovr").exists() == (beside == "YES")
    monkeypatch.setattr(raster, "LARGE", 1000)
    with open_raster(file) as opened:
        rgb, valid = opened.read_rgb(None, (SIDE, SIDE))
    assert valid[:, : SIDE // 2].all() and not valid[:, SIDE // 2 :].any()
    assert not rgb[:, SIDE // 2 :].any()


@pytest.mark.parametrize("kind", ["scaled", "white-is-zero", "sparse", "inks"])
def test_overviews_do_not_change_the_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from rsitmd_tools.imaging import windowed as raster

    file = made(kind, tmp_path / "a.tif")
    monkeypatch.setattr(raster, "LARGE", 1000)
    with open_raster(file) as opened:
        rgb, valid = opened.read_rgb(None, (SIDE, SIDE), limits=opened.value_range())
    with rasterio.open(file, "r+") as target:
        target.build_overviews([2, 4, 8], rasterio.enums.Resampling.average)
    with open_raster(file) as opened:
        again, valid_again = opened.read_rgb(None, (SIDE, SIDE), limits=opened.value_range())
    assert (valid == valid_again).all() and valid.all() == (kind != "sparse")
    assert np.abs(again.astype(int) - rgb).max() <= 4 and rgb.std() > 20


def test_bands_of_different_types(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", ramp(0, 200)[None].astype(np.uint8))
    write(tmp_path / "b.tif", ramp(0, 4000)[None].astype(np.uint16))
    band = (
        '<VRTRasterBand dataType="{}" band="{}"><SimpleSource>'
        '<SourceFilename relativeToVRT="1">{}.tif</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand>"
    )
    bands = [("Byte", 1, "a"), ("UInt16", 2, "b"), ("UInt16", 3, "b")]
    (tmp_path / "m.vrt").write_text(
        f'<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}">'
        + "".join(band.format(*each) for each in bands)
        + "</VRTDataset>"
    )
    with open_raster(tmp_path / "m.vrt") as opened:
        limits = opened.value_range()
        rgb, valid = opened.read_rgb(None, None, limits=limits)
    assert valid.all() and limits is not None and rgb[..., 1].std() > 50
    assert (rgb[..., 1] == rgb[..., 2]).all() and rgb[..., 0].max() < 20


def test_a_window_is_read_with_the_limits_of_the_scene(tmp_path: Path) -> None:
    values = np.arange(100 * 80, dtype=np.uint16).reshape(1, 100, 80)
    file = write(tmp_path / "a.tif", values, tiled=True, blockxsize=16, blockysize=16)
    with open_raster(file) as raster:
        assert (raster.width, raster.height, raster.count, raster.dtype) == (80, 100, 1, "uint16")
        limits = raster.value_range()
        whole, _ = raster.read_rgb(limits=limits)
        part, valid = raster.read_rgb((7, 11, 30, 20), limits=limits)
        small, _ = raster.read_rgb((0, 0, 80, 100), (8, 10), limits=limits)
    assert valid.shape == (20, 30) and valid.all()
    assert (part == whole[11:31, 7:37]).all()
    assert small.shape == (10, 8, 3)


def test_a_large_scene_is_sampled_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rsitmd_tools.imaging import windowed as raster
    from rsitmd_tools.imaging import windows

    values = np.add.outer(np.arange(512.0), np.arange(512.0))[None].astype(np.uint16)
    file = write(tmp_path / "a.tif", values, tiled=True, blockxsize=16, blockysize=16)
    monkeypatch.setattr(raster, "EXACT", 512 * 512 // 8)
    monkeypatch.setattr(windows, "PIXELS", 256)
    read = []
    source_read = raster.Raster._values
    monkeypatch.setattr(
        raster.Raster,
        "_values",
        lambda self, *rest: (read.append(rest[2]), source_read(self, *rest))[1],
    )
    with open_raster(file) as opened:
        low, high = opened.value_range() or (0, 0)
    assert len(read) < 1024 / 6
    assert (low, high) == pytest.approx(np.percentile(values, (2, 98)), abs=40)


def test_the_size_is_checked_before_the_values_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write(tmp_path / "a.tif", np.ones((5, SIDE, SIDE), np.uint16)).read_bytes()
    monkeypatch.setattr(limits, "MAX_RASTER_PIXELS", 1000)
    with pytest.raises(UnusableImageError, match="cut it into tiles"):
        decode(data, SIDE)


def test_a_name_that_is_not_utf_8(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tif", np.stack([ramp(0, 3000)] * 3).astype(np.uint16))
    file = file.rename(tmp_path / os.fsdecode(b"n\xff.tif"))
    assert pixels(file)[-1, -1].tolist() == [255, 255, 255]
    with pytest.raises(UnusableImageError, match="name that is not UTF-8"), open_raster(file):
        pass


@pytest.mark.parametrize("ending", ["_RPC.TXT", "_rpc.txt", "_RPC.txt", "_rpc.TXT", "_Rpc.txt"])
def test_rpcs_are_in_a_file_beside_a_raster(tmp_path: Path, ending: str) -> None:
    file = write(tmp_path / "a.tif", ramp(0, 255)[None].astype(np.uint8))
    with open_raster(file) as raster:
        assert raster.rpcs is None
    (tmp_path / f"a{ending}").write_text(rpc_text())
    with open_raster(file) as raster:
        assert (raster.rpcs.long_off, raster.rpcs.lat_off) == (13.0, 45.0)


@pytest.mark.parametrize("ending", [".RPB", ".rpb", ".Rpb"])
def test_rpcs_are_in_a_file_of_digitalglobe(tmp_path: Path, ending: str) -> None:
    file = write(tmp_path / "a.tif", ramp(0, 255)[None].astype(np.uint8))
    (tmp_path / f"a{ending}").write_text(rpb_text())
    with open_raster(file) as raster:
        assert (raster.rpcs.long_off, raster.rpcs.lat_off) == (13.0, 45.0)


@pytest.mark.parametrize("data", [b"", b"\0\xff", b"LINE_OFF: 3\n"])
def test_a_damaged_file_of_rpcs_gives_none(tmp_path: Path, data: bytes) -> None:
    file = write(tmp_path / "a.tif", ramp(0, 255)[None].astype(np.uint8))
    (tmp_path / "a_RPC.txt").write_bytes(data)
    with open_raster(file) as raster:
        assert raster.rpcs is None


def rpc_text() -> str:
    """Return RPCs as in ``NAME_RPC.TXT``."""
    text = ""
    for name, offset, scale in RPC_OFFSETS:
        text += f"{name}_OFF: {offset}\n{name}_SCALE: {scale}\n"
    for name, values in RPC_COEFFICIENTS:
        text += "".join(f"{name}_COEFF_{n}: {value}\n" for n, value in enumerate(values, 1))
    return text


def rpb_text() -> str:
    """Return RPCs as in ``NAME.RPB``."""
    text = 'satId = "QB02";\nSpecId = "RPC00B";\nBEGIN_GROUP = IMAGE\n'
    for name, offset, scale in RPC_OFFSETS:
        text += f"  {name.lower()}Offset = {offset};\n  {name.lower()}Scale = {scale};\n"
    for name, values in RPC_COEFFICIENTS:
        which, part = name.lower().split("_")
        text += f"  {which}{part.title()}Coef = ({', '.join(map(str, values))});\n"
    return text + "END_GROUP = IMAGE\nEND;\n"


RPC_OFFSETS = [
    ("LINE", 16.0, 16.0),
    ("SAMP", 16.0, 16.0),
    ("LAT", 45.0, 0.01),
    ("LONG", 13.0, 0.01),
    ("HEIGHT", 0.0, 500.0),
]
RPC_COEFFICIENTS = [
    ("LINE_NUM", [0.0, 0.0, -1.0, *[0.0] * 17]),
    ("LINE_DEN", [1.0, *[0.0] * 19]),
    ("SAMP_NUM", [0.0, 1.0, *[0.0] * 18]),
    ("SAMP_DEN", [1.0, *[0.0] * 19]),
]


def test_a_damaged_raster_has_a_reason(tmp_path: Path) -> None:
    data = write(tmp_path / "a.tif", np.ones((5, SIDE, SIDE), np.uint16)).read_bytes()
    with pytest.raises(UnusableImageError, match="cannot be decoded") as caught:
        decode(data[:400], SIDE)
    assert "vsimem" not in str(caught.value)


def test_a_reason_has_the_name_of_a_file_without_its_folder(tmp_path: Path) -> None:
    (tmp_path / "farm land").mkdir()
    file = tmp_path / "farm land" / "no tiff.jpg"
    file.write_bytes(b"no picture")
    with (
        pytest.raises(UnusableImageError, match=r"'no tiff\.jpg' not recognized"),
        open_raster(file),
    ):
        pass


def test_without_rasterio_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = write(tmp_path / "a.tif", np.ones((5, SIDE, SIDE), np.uint16)).read_bytes()
    hidden = write(tmp_path / "b.tif", np.ones((1, SIDE, SIDE), np.uint8), nodata=1).read_bytes()
    monkeypatch.setitem(sys.modules, "rasterio", None)
    for data in (deep, hidden):
        with pytest.raises(UnusableImageError, match=r"\.\[geo\]"):
            decode(data, SIDE)


@pytest.mark.parametrize("kind", ["TIFF", "JPEG", "PNG", "WEBP", "JPEG2000"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "CMYK", "I;16", "1"])
def test_pillow_alone_reads_what_it_can(
    monkeypatch: pytest.MonkeyPatch, kind: str, mode: str
) -> None:
    import io

    from PIL import Image

    stream, image = io.BytesIO(), Image.new(mode, (SIDE, SIDE))
    if mode == "RGBA":
        image.putalpha(255)
    try:
        image.save(stream, kind)
    except (OSError, KeyError):
        pytest.skip(f"Pillow does not write {mode} as {kind}")
    monkeypatch.setitem(sys.modules, "rasterio", None)
    assert decode(stream.getvalue(), SIDE)[1] == (SIDE, SIDE)


@pytest.mark.parametrize("text", ["4,3", "a", "", "0,1,2", "1,2,3,4", "-1", "1;2;3", "１"])
def test_bands_that_are_not_one_or_three_numbers(text: str) -> None:
    with pytest.raises(WrongUsage, match="--bands"):
        parse_bands(text)


@pytest.mark.parametrize("text", ["1", "2,1", "1,1", "nan,2", "0,inf", "a,b", "1,2,3", ""])
def test_ranges_that_are_not_two_ordered_numbers(text: str) -> None:
    with pytest.raises(WrongUsage, match="--range"):
        parse_range(text)
    with pytest.raises(WrongUsage, match="--percentiles"):
        parse_percentiles(text)


def test_options_are_parsed() -> None:
    assert parse_bands("4, 3,2") == (4, 3, 2)
    assert parse_range("-0.5,1e4") == (-0.5, 10_000.0)
    assert parse_percentiles("0,99.5") == (0.0, 99.5)
    with pytest.raises(WrongUsage, match="between 0 and 100"):
        parse_percentiles("-1,98")

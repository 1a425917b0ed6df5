"""220 real files that break tools: each is read as others read it, or refused with a reason.

The expected pixels are computed here from rasterio and Pillow, not by the code under test. Values
of 8 bits must be equal to one of the two readings, others may differ by one grey level.
"""

from __future__ import annotations

import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from rsitmd_tools.imaging.decode import decode_file
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.options import BandOptions
from rsitmd_tools.imaging.quiet import quiet_decoders
from rsitmd_tools.imaging.raster import open_raster
from rsitmd_tools.imaging.source import read_image_file
from tests.real_data import REAL_DATA

rasterio = pytest.importorskip("rasterio")

pytestmark = pytest.mark.filterwarnings("ignore")

FOLDER = REAL_DATA / "rasters"
NAMES = sorted(path.name for path in FOLDER.glob("*") if path.suffix != ".md")
WHOLE = 16_000_000  # larger files are compared in windows
SIDE = 2048  # of such a window, in pixels
SMALLEST = 16

Array = npt.NDArray[Any]


@pytest.fixture(scope="module", params=NAMES or ["none"])
def path(request: pytest.FixtureRequest, shared_data: Path) -> Path:
    if not NAMES:
        pytest.skip(f"no rasters in {shared_data}")
    return FOLDER / str(request.param)


def with_rasterio(path: Path, window: Any = None) -> Array | None:
    """Return the values ``(bands, H, W)`` that rasterio reads, or None."""
    with warnings.catch_warnings(), quiet_decoders():
        warnings.simplefilter("ignore")
        try:
            with rasterio.open(path) as raster:
                values: Array = raster.read(window=window)
                return values
        except rasterio.errors.RasterioError:
            return None


def with_pillow(path: Path) -> Array | None:
    """Return what Pillow shows on black, ``(H, W, 3)``, or None."""
    with warnings.catch_warnings(), quiet_decoders():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path) as image:
                image.load()
                if image.mode == "La":
                    return None
                if image.mode in {"LA", "RGBA"} or "transparency" in image.info:
                    black = Image.new("RGBA", image.size, (0, 0, 0, 255))
                    image = Image.alpha_composite(black, image.convert("RGBA"))
                return np.asarray(image.convert("RGB"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None


def size_of(path: Path) -> tuple[int, int] | None:
    with warnings.catch_warnings(), quiet_decoders():
        warnings.simplefilter("ignore")
        try:
            with rasterio.open(path) as raster:
                return raster.width, raster.height
        except rasterio.errors.RasterioError:
            pass
        try:
            with Image.open(path) as image:
                return image.size
        except (OSError, ValueError, SyntaxError):
            return None


def valid_pixels(raster: Any, bands: list[int], values: Array, window: Any) -> Array:
    """Return what the masks of rasterio, the alpha and NaN say together."""
    valid: Array = np.zeros(values.shape[1:], bool)
    for index, band in enumerate(bands):
        flags = raster.mask_flag_enums[band - 1]
        hidden = raster.read_masks(band, window=window) > 0
        if rasterio.enums.MaskFlags.alpha in flags:
            hidden[:] = True
        if values.dtype.kind == "f":
            hidden &= np.isfinite(values[index])
        valid |= hidden
    names = [colour.name for colour in raster.colorinterp]
    if "alpha" in names:
        valid &= raster.read(names.index("alpha") + 1, window=window) > 0
    return valid


def colours(raster: Any) -> list[int]:
    names = [colour.name for colour in raster.colorinterp]
    if "cyan" in names:
        return [1, 2, 3, 4]
    if {"red", "green", "blue"} <= set(names):
        return [names.index(name) + 1 for name in ("red", "green", "blue")]
    plain = [band for band, name in enumerate(names, 1) if name != "alpha"]
    return plain[:3] if len(plain) > 2 else plain[:1]


def expected(path: Path, limits: Any, window: Any = None) -> tuple[Array, float]:
    """Return the pixels by rasterio ``(H, W, 3)``, and how much they may differ."""
    with rasterio.open(path) as raster:
        bands = colours(raster)
        values = raster.read(bands, window=window)
        valid = valid_pixels(raster, bands, values, window)
        structure = raster.tags(bands[0], ns="IMAGE_STRUCTURE")
        bits = int(structure.get("NBITS", 8 * values.dtype.itemsize))
        names = [colour.name for colour in raster.colorinterp]
        white_is_zero = raster.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES"
        if names[0] == "palette":
            table = raster.colormap(1)
            entries = np.array([table.get(k, (0, 0, 0, 0)) for k in range(max(table) + 1)])
            picture = entries[values[0]]
            return picture[..., :3] * (valid & (picture[..., 3] > 0))[..., None], 0
        if len(bands) == 4:
            ink = values / 65535
            shades = (1 - ink[:3]) * (1 - ink[3]) * 255
        elif values.dtype == np.uint8 and bits == 8:
            shades = values.astype(float)
            if "alpha" in names and not premultiplied(path):
                shades = shades * raster.read(names.index("alpha") + 1, window=window) / 255
            return np.round(shades_to_rgb(shades) * valid[..., None]), 0
        elif values.dtype == np.uint8:
            shades = values / (2**bits - 1) * 255
        else:
            scale, offset = raster.scales[0], raster.offsets[0]
            if limits is None:
                pairs = zip(bands, values, strict=True)
                chosen = np.stack([valid & known(raster, *pair) for pair in pairs])
                limits = np.percentile(values[chosen].astype(float) * scale + offset, (2, 98))
            low, high = limits
            numbers = np.nan_to_num(values.astype(float) * scale + offset, nan=low)
            shades = np.clip((numbers - low) / ((high - low) or 1), 0, 1) * 255
            if white_is_zero:
                shades = 255 - shades
        return shades_to_rgb(shades) * valid[..., None], 1


def known(raster: Any, band: int, values: Array) -> Array:
    nodata = raster.nodatavals[band - 1]
    finite = np.isfinite(values.astype(float))
    return finite if nodata is None or np.isnan(nodata) else finite & (values != nodata)


def premultiplied(path: Path) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path) as image:
                tags = getattr(image, "tag_v2", {})
                return bool((tags.get(338) or (0,))[0] == 1)
        except OSError:
            return False


def hides(path: Path) -> bool:
    """Return whether the file has nodata or a mask, which Pillow does not know."""
    if with_rasterio(path, ((0, 1), (0, 1))) is None:
        return False
    with rasterio.open(path) as raster:
        flags = raster.mask_flag_enums[0]
    hidden = {rasterio.enums.MaskFlags.nodata, rasterio.enums.MaskFlags.per_dataset}
    return bool(hidden & set(flags)) and rasterio.enums.MaskFlags.alpha not in flags


def shades_to_rgb(shades: Array) -> Array:
    return np.stack([shades[0 if len(shades) == 1 else k] for k in range(3)], axis=-1)


def test_a_real_raster_is_read_as_others_read_it(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    size = size_of(path)
    large = size is not None and size[0] * size[1] > WHOLE
    corner = ((0, SIDE), (0, SIDE)) if large else None
    values, shown = with_rasterio(path, corner), None if large else with_pillow(path)
    capfd.readouterr()
    try:
        with quiet_decoders():
            decoded = decode_file(read_image_file(path), 256 if large else None)
    except UnusableImageError as error:
        assert "\n" not in str(error) and len(str(error)) > 10
        assert capfd.readouterr().err == ""
        assert may_be_refused(path, size, values, shown), str(error)
        return
    assert capfd.readouterr().err == ""
    assert size is not None and min(size) >= SMALLEST
    assert (decoded.width, decoded.height) == size
    if large:
        compare_windows(path, size)
        return
    found = np.asarray(decoded.image).astype(float)
    readings = [] if values is None else [expected(path, None)]
    if (
        shown is not None
        and not hides(path)
        and (not readings or readings[0][1] == 0 or decoded.reading is None)
    ):
        readings.append((shown, 0.0))
    gaps = [(np.abs(found - picture).max() - by, found.shape) for picture, by in readings]
    assert min(gap for gap, _ in gaps) <= 0, gaps


def compare_windows(path: Path, size: tuple[int, int]) -> None:
    """Compare a file that is too large for the memory of a test, window by window."""
    width, height = size
    compared = 0
    with open_raster(path) as raster:
        for y, x in product(range(0, height, SIDE), range(0, width, SIDE)):
            right, bottom = min(x + SIDE, width), min(y + SIDE, height)
            found = raster.read_rgb((x, y, right - x, bottom - y))[0].astype(float)
            picture, by = expected(path, None, ((y, bottom), (x, right)))
            assert np.abs(found - picture).max() <= by, (x, y)
            compared += picture.shape[0] * picture.shape[1]
    assert compared == width * height


def may_be_refused(
    path: Path, size: tuple[int, int] | None, values: Array | None, shown: Array | None
) -> bool:
    """Return whether no one can make an image of a file."""
    if size is None or min(size) < SMALLEST or (values is None and shown is None):
        return True
    if values is None or values.dtype.kind == "c":
        return values is not None
    with rasterio.open(path) as raster:
        bands = colours(raster)
        return not valid_pixels(raster, bands, values[[b - 1 for b in bands]], None).any()


def test_there_are_as_many_files_as_the_readme_says(shared_data: Path) -> None:
    readme = (shared_data / "rasters" / "README.md").read_text()
    listed = {line.split(" | ")[0].lstrip("| ") for line in readme.splitlines() if " | " in line}
    assert listed - {"file"} <= {*NAMES}, "a file of the table is missing"
    assert len(NAMES) > 150


def test_bands_of_a_real_scene_can_be_chosen(shared_data: Path) -> None:
    path = shared_data / "rasters" / "RGB.byte.tif"
    file = read_image_file(path)
    found = np.asarray(decode_file(file, None, BandOptions(bands=(3, 2, 1))).image)
    with rasterio.open(path) as raster:
        assert (found == raster.read((3, 2, 1)).transpose(1, 2, 0)).all()

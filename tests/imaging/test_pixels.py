"""Images whose values have more than 8 bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.imaging.measures import measure, picture_pairs
from rsitmd_tools.imaging.pixels import as_grey, as_rgb, rgb_image
from rsitmd_tools.imaging.stretch import stretch
from tests.pictures import decode, photo


def sensor_values(seed: int) -> npt.NDArray[np.uint16]:
    """Return a picture as a sensor of 16 bits stores it: no value is below 300."""
    return 300 + 40 * np.asarray(photo(seed).convert("L"), np.uint16)


@pytest.mark.parametrize("kind", [np.uint16, ">u2", np.int32, np.float32])
def test_wide_values_are_stretched_as_by_the_ingest(kind: npt.DTypeLike, tmp_path: Path) -> None:
    values = sensor_values(1).astype(kind)
    Image.fromarray(values).save(tmp_path / "wide.tif")
    expected, _ = stretch(values)
    with Image.open(tmp_path / "wide.tif") as image:
        assert (np.asarray(as_grey(image)) == expected).all()
        assert (np.asarray(as_rgb(image)) == expected[..., None]).all()
    assert np.asarray(rgb_image(tmp_path / "wide.tif")).std() > 20


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "RGBA", "P", "1"])
def test_values_of_8_bits_are_those_of_pillow(mode: str) -> None:
    image = photo(2).convert(mode)
    assert as_grey(image).tobytes() == image.convert("L").tobytes()
    assert as_rgb(image).tobytes() == image.convert("RGB").tobytes()


def test_different_pictures_of_16_bits_are_no_duplicates_and_a_copy_of_8_bits_is(
    tmp_path: Path,
) -> None:
    for seed in (0, 1):
        Image.fromarray(sensor_values(seed)).save(tmp_path / f"{seed}.png")
    photo(0).save(tmp_path / "copy.png")
    files = [tmp_path / name for name in ("0.png", "1.png", "copy.png")]
    pictures = [measure(file) for file in files]
    assert min(picture.deviation for picture in pictures) > 20
    found = [(pair.first, pair.second) for pair in picture_pairs(pictures, 10)]
    assert found == [(0, 2)]


def test_an_image_without_a_finite_value_is_a_one_line_error(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), np.nan, np.float32)).save(tmp_path / "nan.tif")
    with pytest.raises(RsitmdError, match=r"cannot be decoded") as error:
        rgb_image(tmp_path / "nan.tif")
    assert error.value.where == str(tmp_path / "nan.tif")
    assert measure(tmp_path / "nan.tif").problem


def transparent() -> Image.Image:
    """Return a picture whose lower half is transparent, above white colours."""
    image = photo(3, 64).convert("RGBA")
    image.paste((255, 255, 255, 0), (0, 32, 64, 64))
    return image


def with_a_colour_key() -> Image.Image:
    image = photo(4, 64).quantize(16)
    image.info["transparency"] = bytes([0] * 8 + [255] * 8)
    return image


FILES: dict[str, Callable[[Path], None]] = {
    "turned.jpg": lambda file: photo(3, 64).save(file, exif=orientation(6), quality=95),
    "mirrored.png": lambda file: photo(3, 64).save(file, exif=orientation(2)),
    "turned.tif": lambda file: photo(3, 64).save(file, tiffinfo={274: 6}),
    "transparent.png": lambda file: transparent().save(file),
    "grey and transparent.png": lambda file: transparent().convert("LA").save(file),
    "palette.png": lambda file: with_a_colour_key().save(file),
}


def orientation(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = number
    return exif


@pytest.mark.parametrize("name", FILES)
@pytest.mark.filterwarnings("error")
def test_a_picture_is_that_of_its_ingested_copy(tmp_path: Path, name: str) -> None:
    FILES[name](tmp_path / name)
    ingested, _ = decode((tmp_path / name).read_bytes(), 64)
    assert np.array_equal(np.asarray(rgb_image(tmp_path / name)), np.asarray(ingested))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    photo(3, 64).save(file, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    with Image.open(file) as image:
        expected = np.asarray(image.convert("RGB"))
    assert np.array_equal(np.asarray(rgb_image(file)), expected)

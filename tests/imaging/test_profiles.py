"""Embedded profiles are converted to sRGB; those of sRGB change nothing."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from rsitmd_tools.imaging.decode import decode_file
from rsitmd_tools.imaging.options import BandOptions
from rsitmd_tools.imaging.source import read_image_file
from tests.pictures import decode

SIDE = 32


def profile(kind: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(kind)).tobytes()  # type: ignore[arg-type]


def wide() -> bytes:
    """A profile with the primaries of another space: XYZ values are swapped in that of sRGB."""
    data = bytearray(profile("sRGB"))
    table = {bytes(data[at : at + 4]): at for at in range(132, 132 + 12 * data[131], 12)}
    places = (table[name] + 4 for name in (b"rXYZ", b"gXYZ"))
    red, green = (int.from_bytes(data[at : at + 4], "big") for at in places)
    data[red : red + 20], data[green : green + 20] = data[green : green + 20], data[red : red + 20]
    return bytes(data).replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))


def pixel(image: Image.Image, kind: str, **options: Any) -> tuple[int, ...]:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return tuple(int(v) for v in np.asarray(decode(stream.getvalue(), SIDE)[0])[0, 0])


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_a_profile_of_srgb_changes_nothing(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    image = Image.new("RGB", (SIDE, SIDE), (200, 30, 90))
    assert pixel(image, kind, icc_profile=profile("sRGB"), **options) == (200, 30, 90)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_another_profile_is_converted(kind: str) -> None:
    image = Image.new("RGB", (SIDE, SIDE), (200, 30, 30))
    red, green, blue = pixel(image, kind, icc_profile=wide())
    assert green > 150 and red < 80 and blue < 80, "red and green have changed places"


@pytest.mark.parametrize("damaged", [b"no profile", profile("sRGB")[:200], profile("LAB")])
def test_a_damaged_profile_or_one_of_another_space_is_left_out(damaged: bytes) -> None:
    image = Image.new("RGB", (SIDE, SIDE), (200, 30, 90))
    assert pixel(image, "PNG", icc_profile=damaged) == (200, 30, 90)


def test_lab_becomes_rgb() -> None:
    image = Image.new("RGB", (SIDE, SIDE), (200, 30, 90))
    lab = ImageCms.profileToProfile(
        image, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    assert np.abs(np.array(pixel(lab, "TIFF")) - (200, 30, 90)).max() <= 4


def test_rasterio_applies_the_profile_too(tmp_path: Path) -> None:
    pytest.importorskip("rasterio")
    path = tmp_path / "wide.tif"
    Image.new("RGB", (SIDE, SIDE), (200, 30, 30)).save(path, icc_profile=wide())
    file = read_image_file(path)
    by_pillow = decode_file(file, SIDE)
    by_rasterio = decode_file(file, SIDE, BandOptions(bands=(1, 2, 3)))
    assert by_pillow.reading is None and by_rasterio.reading is not None
    assert by_rasterio.image.tobytes() == by_pillow.image.tobytes()
    measured = decode_file(file, SIDE, BandOptions(bands=(1, 2, 3), value_range=(0, 255)))
    assert measured.image.getpixel((0, 0)) == (200, 30, 30), "a range asks for values"

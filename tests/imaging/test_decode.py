"""Pixels: every mode of colour comes out as the RGB a viewer shows."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from rsitmd_tools.imaging.decode import central_square
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.stretch import stretch
from tests.pictures import decode

SIDE = 32
RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def pixels(data: bytes, size: int = SIDE) -> npt.NDArray[np.uint8]:
    image, _ = decode(data, size)
    assert (image.mode, image.size) == ("RGB", (size, size))
    return np.asarray(image)


def plain(mode: str, colour: Any) -> Image.Image:
    return Image.new(mode, (SIDE, SIDE), colour)


def palette(**options: Any) -> bytes:
    image = plain("P", 1)
    image.putpalette([*BLACK, *GREEN])
    return encoded(image, **options)


@pytest.mark.parametrize(
    ("data", "colour"),
    [
        (encoded(plain("CMYK", (0, 255, 255, 0)), "TIFF"), RED),
        (encoded(plain("CMYK", (0, 255, 255, 0)), "JPEG", quality=100), RED),
        (palette(), GREEN),
        (encoded(plain("RGBA", (*BLUE, 255))), BLUE),
        (encoded(plain("RGBA", (200, 100, 0, 128))), (100, 50, 0)),
        (encoded(plain("LA", (90, 255))), (90, 90, 90)),
        (encoded(plain("L", 90)), (90, 90, 90)),
        (encoded(plain("1", 1)), (255, 255, 255)),
    ],
    ids=lambda value: str(value) if isinstance(value, tuple) else "",
)
def test_colours(data: bytes, colour: tuple[int, int, int]) -> None:
    found = pixels(data).astype(int)
    assert np.abs(found - np.array(colour)).max() <= 3


def half(mode: str, colour: Any, transparent: Any) -> Image.Image:
    image = plain(mode, colour)
    image.paste(transparent, (0, 0, SIDE, SIDE // 2))
    return image


def half_palette() -> bytes:
    image = half("P", 1, 2)
    image.putpalette([*BLACK, *GREEN, *RED])
    return encoded(image, transparency=2)


@pytest.mark.parametrize(
    ("data", "colour"),
    [
        (half_palette(), GREEN),
        (encoded(half("RGBA", (*BLUE, 255), (*RED, 0))), BLUE),
        (encoded(half("RGB", BLUE, RED), transparency=RED), BLUE),
    ],
)
def test_transparent_pixels_are_black(data: bytes, colour: tuple[int, int, int]) -> None:
    found = pixels(data)
    assert (found[: SIDE // 2] == 0).all()
    assert (found[SIDE // 2 :] == colour).all()


@pytest.mark.parametrize(
    "data",
    [
        palette(transparency=1),
        encoded(plain("RGBA", (*BLUE, 0))),
        encoded(plain("RGBA", (*BLUE, 0)), "TIFF"),
        encoded(plain("RGBA", (*BLUE, 0)), "WEBP", lossless=True),
        encoded(plain("LA", (90, 0))),
        encoded(plain("RGB", RED), transparency=RED),
    ],
)
def test_a_file_of_transparent_pixels_only_is_refused(data: bytes) -> None:
    with pytest.raises(UnusableImageError, match="has no valid pixel"):
        decode(data, SIDE)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_grey_is_stretched_not_cut_off(kind: str) -> None:
    ramp = np.linspace(1_000, 3_000, SIDE * SIDE).reshape(SIDE, SIDE).astype(np.uint16)
    found = pixels(encoded(Image.fromarray(ramp), kind))[..., 0]
    assert found[0, 0] == 0 and found[-1, -1] == 255
    assert (np.diff(found.ravel().astype(int)) >= 0).all()
    assert len(np.unique(found)) > 200


def test_pixels_of_the_right_size_are_not_touched() -> None:
    values = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    assert (pixels(encoded(Image.fromarray(values))) == values).all()


def test_a_wide_image_is_cropped_to_its_centre() -> None:
    image = Image.new("RGB", (3 * SIDE, SIDE), RED)
    image.paste(GREEN, (SIDE, 0, 2 * SIDE, SIDE))
    assert (pixels(encoded(image)) == GREEN).all()


def test_the_camera_orientation_is_applied() -> None:
    image = Image.new("RGB", (SIDE, SIDE), RED)
    image.paste(BLUE, (0, 0, SIDE, SIDE // 2))  # blue above red
    exif = Image.Exif()
    exif[274] = 3  # turned by 180 degrees
    found = pixels(encoded(image, exif=exif))
    assert tuple(found[0, 0]) == RED and tuple(found[-1, 0]) == BLUE


def test_the_first_of_several_pages_counts() -> None:
    pages = [plain("RGB", BLUE)]
    data = encoded(plain("RGB", GREEN), "TIFF", save_all=True, append_images=pages)
    assert (pixels(data) == GREEN).all()


def test_the_size_of_the_source_is_reported() -> None:
    assert decode(encoded(Image.new("RGB", (70, 50))), SIDE)[1] == (70, 50)


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_the_square_is_the_largest_and_centred(width: int, height: int) -> None:
    left, top, right, bottom = central_square(width, height)
    assert right - left == bottom - top == min(width, height)
    assert 0 <= left <= width - right <= left + 1
    assert 0 <= top <= height - bottom <= top + 1


NUMBERS = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(width=32)
)


@given(NUMBERS)
@settings(max_examples=100, deadline=None)
def test_stretch_keeps_order_and_range(values: npt.NDArray[np.float64]) -> None:
    finite = np.isfinite(values)
    if not finite.any():
        with pytest.raises(UnusableImageError, match="no finite value"):
            stretch(values)
        return
    found, _ = stretch(values)
    assert found.dtype == np.uint8 and found.shape == values.shape
    assert (found[~finite] == 0).all()
    order = np.argsort(values[finite], kind="stable")
    assert (np.diff(found[finite][order].astype(int)) >= 0).all()


@pytest.mark.filterwarnings("ignore::UserWarning")  # ingest silences the decoders
@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_an_image_or_a_reason(tail: bytes) -> None:
    for start in (b"", b"II*\0", b"MM\0*", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0"):
        with pytest.raises(UnusableImageError) as caught:
            decode(start + tail, SIDE)
        assert "\n" not in str(caught.value)

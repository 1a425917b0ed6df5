"""Decoding of TIFF, JPEG and PNG files to square RGB images."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from rsitmd_tools.errors import reason
from rsitmd_tools.imaging.bands import read_bands, stretch
from rsitmd_tools.imaging.limits import MAX_PIXELS, UnusableImageError, check_size

FORMATS = ("TIFF", "JPEG", "PNG")
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
TIFF_BITS_PER_SAMPLE = 258
PNG_DEPTH = 24  # offset of the byte with the number of bits per sample
DEEP_GREY = {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


def decode(data: bytes, size: int) -> tuple[Image.Image, tuple[int, int]]:
    """Decode a file's bytes to a square RGB image.

    The largest centred square is cropped and resized (Lanczos). If its side length is already
    ``size``, the pixels are unchanged. The EXIF orientation is applied, transparent pixels
    become black, values of more than 8 bits are stretched (:func:`stretch`), and only the first
    page is read. Files with other bands than red, green and blue, or with more than 8 bits per
    colour, are read with rasterio (extra ``geo``).

    The limits on bytes and pixels bound the memory. An image is resized before all other
    operations.

    Args:
        data: Contents of the file.
        size: Side length of the result in pixels.

    Returns:
        The image and the ``(width, height)`` of the source.

    Raises:
        UnusableImageError: The file is not an image, or is damaged, too small or too large.
    """
    if not data:
        raise UnusableImageError("is empty")
    try:
        image, source_size = _open(data, size)
        small = image.resize(
            (size, size),
            Image.Resampling.LANCZOS,
            box=central_square(*image.size),
            reducing_gap=2.0,
        )
        return _rgb(small), source_size
    except UnusableImageError:
        raise
    except Image.DecompressionBombError:
        limit = MAX_PIXELS // 1_000_000
        raise UnusableImageError(f"has more than {limit} megapixels; cut it into tiles") from None
    except Exception as error:
        # Decoders raise many types of exceptions for damaged files.
        raise UnusableImageError(f"cannot be decoded ({reason(error)})") from None


def central_square(width: int, height: int) -> tuple[int, int, int, int]:
    """Return the box ``(left, top, right, bottom)`` of the largest centred square."""
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def _open(data: bytes, size: int) -> tuple[Image.Image, tuple[int, int]]:
    """Return the image upright, in a mode that can be resized, and its stored size."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        if data.startswith(TIFF_STARTS):
            return read_bands(data, size)
        raise UnusableImageError("is not a TIFF, JPEG or PNG image") from None
    if _bits(image, data) > 8 and image.mode not in DEEP_GREY:
        return read_bands(data, size)
    source_size = image.size
    check_size(*source_size)
    # A JPEG is decoded at 1/2, 1/4 or 1/8 of its size if that is large enough.
    image.draft("RGB", (2 * size, 2 * size))
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    return _resizable(image), source_size


def _bits(image: Image.Image, data: bytes) -> int:
    """Return the number of bits per sample of a file that was opened but not loaded."""
    if image.format == "PNG":
        return data[PNG_DEPTH]
    if isinstance(image, TiffImageFile):
        bits: tuple[int, ...] = image.tag_v2.get(TIFF_BITS_PER_SAMPLE, (1,))
        return max(bits)
    return 8


def _resizable(image: Image.Image) -> Image.Image:
    if image.mode in DEEP_GREY:
        return image if image.mode in {"I", "F"} else image.convert("I")
    if image.mode == "PA" or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in {"P", "1"}:
        return image.convert("RGB")
    return image


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in DEEP_GREY:
        return Image.fromarray(stretch(np.asarray(image))).convert("RGB")
    if image.mode in {"RGBA", "LA"}:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")

"""Reading of image files as they are, and the eight orientations of an array."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.imaging.limits import UnusableImageError, check_size
from rsitmd_tools.imaging.modes import on_black, upright, without_palette
from rsitmd_tools.imaging.stretch import stretch

WIDE = ("I", "I;16", "I;16B", "I;16L", "F")  # modes of more than 8 bits
FORMATS = ("TIFF", "JPEG", "PNG")
# Exceptions of Pillow for files that are not images, are damaged, or are too large.
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def rgb_image(path: Path) -> Image.Image:
    """Decode an image file as RGB, as the ingest and viewers do: upright, transparent as black.

    Otherwise a picture would be another one than its ingested copy. Profiles are not applied.

    Raises:
        RsitmdError: It is missing or cannot be decoded; the message contains its path.
    """
    try:
        with Image.open(path) as opened:
            return on_black(without_palette(_eight_bits(upright(opened)))).convert("RGB")
    except (*UNREADABLE, UnusableImageError) as error:
        raise RsitmdError(
            f"cannot be decoded ({reason(error)})", where=path, hint="replace the image"
        ) from error


def open_image(path: Path) -> Image.Image:
    """Read an image file and check its size, without decoding it.

    Raises:
        UnusableImageError: It is empty or not an image, or its size exceeds the limits.
        OSError: It cannot be read.
    """
    return open_bytes(path.read_bytes())


def open_bytes(data: bytes) -> Image.Image:
    """Read the bytes of an image file; see :func:`open_image`."""
    if not data:
        raise UnusableImageError("is empty")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:  # its message has the address of an object
        raise UnusableImageError("is not a TIFF, JPEG or PNG image") from None
    check_size(*image.size)
    return image


def as_grey(image: Image.Image) -> Image.Image:
    """Return an image in mode ``L``; see :func:`as_rgb`."""
    return image if image.mode == "L" else _eight_bits(image).convert("L")


def as_rgb(image: Image.Image) -> Image.Image:
    """Return an image in mode ``RGB``. Values of more than 8 bits are stretched, as by the ingest.

    Pillow would clip them at 255, and nearly all of a 16-bit image would be white.

    Raises:
        UnusableImageError: No value is finite.
    """
    return _eight_bits(image).convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    return Image.fromarray(stretch(np.asarray(image))[0]) if image.mode in WIDE else image


def orientations(square: npt.NDArray[np.uint8]) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield an image and its seven rotations and flips.

    Args:
        square: ``(S, S)`` or ``(S, S, C)``.
    """
    transposed = np.swapaxes(square, 0, 1)
    for table in (square, transposed):
        for rows in (1, -1):
            for columns in (1, -1):
                yield table[::rows, ::columns]

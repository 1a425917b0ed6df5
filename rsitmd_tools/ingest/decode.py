"""Decoding: any TIFF, JPEG or PNG becomes a square RGB image, or a reason why not."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from rsitmd_tools.errors import reason

FORMATS = ("TIFF", "JPEG", "PNG")
MIN_SIDE = 16
MAX_PIXELS = 100_000_000


class UnusableImageError(Exception):
    """A file that cannot become an image of the dataset; the text says why."""


def decode(data: bytes, size: int) -> tuple[Image.Image, tuple[int, int]]:
    """Decode a file's bytes to a square RGB image.

    The largest centred square is taken and resized (Lanczos). EXIF orientation is
    applied; transparent pixels are laid on black; grey values of 16 bits or floats are
    stretched from their smallest to their largest value; of several pages the first
    counts.

    Args:
        data: The file.
        size: Side of the result in pixels.

    Returns:
        The image and the ``(width, height)`` of the source.

    Raises:
        UnusableImageError: It is no image, truncated, too small or too large.
    """
    if not data:
        raise UnusableImageError("is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        width, height = image.size
        _check_size(width, height)
        image.draft("RGB", (2 * size, 2 * size))
        image.load()
    except UnusableImageError:
        raise
    except UnidentifiedImageError:
        raise UnusableImageError("is not a TIFF, JPEG or PNG image") from None
    except Image.DecompressionBombError:
        raise UnusableImageError("has too many pixels; cut it into tiles") from None
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, OverflowError) as error:
        raise UnusableImageError(f"cannot be decoded ({reason(error)})") from None
    turned = ImageOps.exif_transpose(image)
    square = ImageOps.fit(_rgb(turned), (size, size), Image.Resampling.LANCZOS)
    return square, (width, height)


def _check_size(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise UnusableImageError(f"is {width} x {height}, smaller than {MIN_SIDE} x {MIN_SIDE}")
    if width * height > MAX_PIXELS:
        raise UnusableImageError(
            f"is {width} x {height}, more than {MAX_PIXELS // 1_000_000} megapixels; "
            "cut it into tiles"
        )


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in {"I", "F", "I;16", "I;16B", "I;16L", "I;16N"}:
        return _stretched(image).convert("RGB")
    if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
        clear = image.convert("RGBA")
        ground = Image.new("RGBA", clear.size, (0, 0, 0, 255))
        return Image.alpha_composite(ground, clear).convert("RGB")
    return image.convert("RGB")


def _stretched(image: Image.Image) -> Image.Image:
    values = np.asarray(image, dtype=np.float64)
    finite = values[np.isfinite(values)]
    if not finite.size:
        raise UnusableImageError("holds no finite value")
    low, high = float(finite.min()), float(finite.max())
    scaled = np.zeros_like(values) if high == low else (values - low) / (high - low) * 255
    return Image.fromarray(np.nan_to_num(scaled).round().astype(np.uint8))

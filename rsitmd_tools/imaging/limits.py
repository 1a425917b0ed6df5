"""Limits on image files, so that no file exhausts the memory."""

from __future__ import annotations

MIN_SIDE = 16
MAX_PIXELS = 64_000_000
MAX_RASTER_PIXELS = 500_000_000  # of a file that is read in blocks
MAX_BYTES = 1_000_000_000


class UnusableImageError(Exception):
    """A file that cannot be used as an image. The message is the reason."""


def check_size(width: int, height: int, blocks: bool = False) -> None:
    """Check the size of an image in pixels.

    Args:
        width: In pixels.
        height: In pixels.
        blocks: Whether it is read in blocks, not as a whole.

    Raises:
        UnusableImageError: A side is shorter than 16 pixels, or the image has more than 64
            megapixels (500 if it is read in blocks).
    """
    if min(width, height) < MIN_SIDE:
        raise UnusableImageError(f"is {width} x {height}, smaller than {MIN_SIDE} x {MIN_SIDE}")
    most = MAX_RASTER_PIXELS if blocks else MAX_PIXELS
    if width * height > most:
        raise UnusableImageError(
            f"is {width} x {height}, more than {most // 1_000_000} megapixels; cut it into tiles"
        )


def check_bytes(count: int) -> None:
    """Check the size of a file.

    Raises:
        UnusableImageError: The file is larger than 1 GB.
    """
    if count > MAX_BYTES:
        raise UnusableImageError(f"has {count // 1_000_000} megabytes; cut it into tiles")

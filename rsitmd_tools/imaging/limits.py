"""Limits on image files, so that no file exhausts the memory."""

from __future__ import annotations

MIN_SIDE = 16
MAX_PIXELS = 64_000_000
MAX_BYTES = 1_000_000_000


class UnusableImageError(Exception):
    """A file that cannot be used as an image. The message is the reason."""


def check_size(width: int, height: int) -> None:
    """Check the size of an image in pixels.

    Raises:
        UnusableImageError: A side is shorter than 16 pixels, or the image has more than 64
            megapixels.
    """
    if min(width, height) < MIN_SIDE:
        raise UnusableImageError(f"is {width} x {height}, smaller than {MIN_SIDE} x {MIN_SIDE}")
    if width * height > MAX_PIXELS:
        raise UnusableImageError(
            f"is {width} x {height}, more than {MAX_PIXELS // 1_000_000} megapixels; "
            "cut it into tiles"
        )


def check_bytes(count: int) -> None:
    """Check the size of a file.

    Raises:
        UnusableImageError: The file is larger than 1 GB.
    """
    if count > MAX_BYTES:
        raise UnusableImageError(f"has {count // 1_000_000} megabytes; cut it into tiles")

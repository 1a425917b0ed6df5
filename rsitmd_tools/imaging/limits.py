"""Which files may become images, so that no file exhausts the memory."""

from __future__ import annotations

MIN_SIDE = 16
MAX_PIXELS = 64_000_000
MAX_BYTES = 1_000_000_000


class UnusableImageError(Exception):
    """A file that cannot become an image of the dataset; the text says why."""


def check_size(width: int, height: int) -> None:
    """Refuse images that show nothing, and scenes.

    Raises:
        UnusableImageError: A side is below 16 pixels, or it has more than 64 megapixels.
    """
    if min(width, height) < MIN_SIDE:
        raise UnusableImageError(f"is {width} x {height}, smaller than {MIN_SIDE} x {MIN_SIDE}")
    if width * height > MAX_PIXELS:
        raise UnusableImageError(
            f"is {width} x {height}, more than {MAX_PIXELS // 1_000_000} megapixels; "
            "cut it into tiles"
        )


def check_bytes(count: int) -> None:
    """Refuse files too large to be read at once.

    Raises:
        UnusableImageError: The file is larger than a gigabyte.
    """
    if count > MAX_BYTES:
        raise UnusableImageError(f"has {count // 1_000_000} megabytes; cut it into tiles")

"""Windows that cover a raster along its blocks, all of them or a sample."""

from __future__ import annotations

from collections.abc import Iterator

Window = tuple[int, int, int, int]  # column, row, width, height

PIXELS = 1_000_000  # approximate number of pixels of a window
SAMPLE = 8  # windows of a sample are smaller by this factor, and more numerous
LARGEST = 4_000_000
# Multiples of these numbers, modulo 1, are spread evenly over a square (the R2 sequence).
SPREAD = (0.7548776662466927, 0.5698402909980532)


def block_windows(
    size: tuple[int, int], block: tuple[int, int], most: int | None = None
) -> Iterator[Window]:
    """Yield windows of about a megapixel (1/8 for a sample) that consist of whole blocks.

    Args:
        size: Width and height of the raster.
        block: Width and height of its blocks.
        most: Approximate total number of pixels of a sample of windows that are spread over the
            raster. By default, the windows cover the raster.
    """
    width, height = size
    wide, high = min(block[0], width), min(block[1], height)
    pixels = PIXELS if most is None else PIXELS // SAMPLE
    if wide == width:
        high = min(height, high * max(1, pixels // (wide * high)))
    else:
        wide = min(width, wide * max(1, pixels // (wide * high)))
    if wide * high > LARGEST:
        high = max(1, LARGEST // wide)
    share = 1.0 if most is None else most / (width * height)
    for y in range(0, height, high):
        for x in range(0, width, wide):
            place = (x // wide * SPREAD[0] + y // high * SPREAD[1]) % 1.0
            if place < share:
                yield x, y, min(wide, width - x), min(high, height - y)

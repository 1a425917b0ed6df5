"""Footprints of images on the ground, and adjacent ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

from rsitmd_tools.dataset.records import ImageRecord


class Box(NamedTuple):
    """Bounds in the units of a coordinate system."""

    left: float
    bottom: float
    right: float
    top: float


def neighbours(images: Sequence[ImageRecord]) -> Iterator[tuple[ImageRecord, ImageRecord]]:
    """Yield the pairs of images whose bounds overlap or are less than half a tile apart.

    Bounds are sorted into cells of the largest tile's size, so only images of
    neighbouring cells are compared.

    Args:
        images: Records; those without ``bounds`` in ``extra`` are skipped.
    """
    by_system: dict[str, list[tuple[ImageRecord, Box]]] = defaultdict(list)
    for image in images:
        box = bounds_of(image)
        if box is not None:
            by_system[str(image.extra.get("crs"))].append((image, box))
    for placed in by_system.values():
        yield from _pairs(placed)


def bounds_of(image: ImageRecord) -> Box | None:
    """Return the bounds of an image, or None if its record has no valid ones."""
    values = image.extra.get("bounds")
    if not isinstance(values, list) or len(values) != 4:
        return None
    if not all(isinstance(value, int | float) and abs(value) < 1e12 for value in values):
        return None
    box = Box(*(float(value) for value in values))
    return box if box.left < box.right and box.bottom < box.top else None


def _pairs(
    placed: list[tuple[ImageRecord, Box]],
) -> Iterator[tuple[ImageRecord, ImageRecord]]:
    size = max(max(box.right - box.left, box.top - box.bottom) for _, box in placed)
    cells: dict[tuple[int, int], list[tuple[ImageRecord, Box]]] = defaultdict(list)
    for image, box in placed:
        cell = (int(box.left // size), int(box.bottom // size))
        for step in product((-2, -1, 0, 1, 2), repeat=2):
            for other, bounds in cells[cell[0] + step[0], cell[1] + step[1]]:
                if _near(box, bounds):
                    yield other, image
        cells[cell].append((image, box))


def _near(one: Box, other: Box) -> bool:
    wide = min(one.right - one.left, other.right - other.left) / 2
    high = min(one.top - one.bottom, other.top - other.bottom) / 2
    across = max(one.left, other.left) - min(one.right, other.right)
    along = max(one.bottom, other.bottom) - min(one.top, other.top)
    return across < wide and along < high

"""Footprints of images on the ground, and adjacent ones."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from rsitmd_tools.dataset.records import ImageRecord

# "EPSG:32632", "epsg:32632", "32632", "urn:ogc:def:crs:EPSG::32632" and the address of OGC.
_EPSG = re.compile(r"(?:.*EPSG[:/](?:[\d.]*[:/])?)?(\d+)", re.IGNORECASE)


class Box(NamedTuple):
    """Bounds in the units of a coordinate system."""

    left: float
    bottom: float
    right: float
    top: float


Placed = tuple[ImageRecord, Box]


def neighbours(images: Sequence[ImageRecord]) -> Iterator[tuple[ImageRecord, ImageRecord]]:
    """Yield the pairs of images whose bounds overlap or are less than half a tile apart.

    Bounds are sorted into cells, a grid for each power of two of their size, so that only images
    of near cells are compared, whatever the sizes.

    Args:
        images: Records; those without ``bounds`` in ``extra`` are skipped.
    """
    for placed in _by_system(images).values():
        yield from _pairs(placed)


def systems(images: Sequence[ImageRecord]) -> int:
    """Return the number of coordinate systems of the bounds; those of two are not compared."""
    return len(_by_system(images))


def _by_system(images: Sequence[ImageRecord]) -> dict[str, list[Placed]]:
    found: dict[str, list[Placed]] = defaultdict(list)
    for image in images:
        box = bounds_of(image)
        if box is not None:
            name = str(image.extra.get("crs")).strip()
            code = _EPSG.fullmatch(name)
            found[code[1] if code else name.upper()].append((image, box))
    return found


def bounds_of(image: ImageRecord) -> Box | None:
    """Return the bounds of an image, or None if its record has no valid ones."""
    values = image.extra.get("bounds")
    if not isinstance(values, list) or len(values) != 4:
        return None
    if not all(isinstance(value, int | float) and abs(value) < 1e12 for value in values):
        return None
    box = Box(*(float(value) for value in values))
    return box if box.left < box.right and box.bottom < box.top else None


def _pairs(placed: list[Placed]) -> Iterator[tuple[ImageRecord, ImageRecord]]:
    # By side of the cells, then by cell: the images whose lower left corner is there.
    grids: dict[float, dict[tuple[int, int], list[Placed]]] = defaultdict(lambda: defaultdict(list))
    for image, box in placed:
        for side, cells in grids.items():
            for other, bounds in _candidates(box, side, cells):
                if _near(box, bounds):
                    yield other, image
        side = 2.0 ** math.ceil(math.log2(max(box.right - box.left, box.top - box.bottom)))
        grids[side][_cell(box.left, box.bottom, side)].append((image, box))


def _candidates(
    box: Box, side: float, cells: Mapping[tuple[int, int], list[Placed]]
) -> Iterator[Placed]:
    """Yield the images of a grid that can be near a box.

    They are at most half of the smaller tile apart, and reach one cell beyond their corner.
    """
    reach = side / 2
    first = _cell(box.left - reach - side, box.bottom - reach - side, side)
    last = _cell(box.right + reach, box.top + reach, side)
    columns, rows = (range(low, high + 1) for low, high in zip(first, last, strict=True))
    if (last[0] - first[0] + 1) * (last[1] - first[1] + 1) > len(cells):
        near = [cell for cell in cells if cell[0] in columns and cell[1] in rows]
    else:
        near = [cell for cell in product(columns, rows) if cell in cells]
    for cell in near:
        yield from cells[cell]


def _cell(left: float, bottom: float, side: float) -> tuple[int, int]:
    return math.floor(left / side), math.floor(bottom / side)


def _near(one: Box, other: Box) -> bool:
    wide = min(one.right - one.left, other.right - other.left) / 2
    high = min(one.top - one.bottom, other.top - other.bottom) / 2
    across = max(one.left, other.left) - min(one.right, other.right)
    along = max(one.bottom, other.bottom) - min(one.top, other.top)
    return across < wide and along < high

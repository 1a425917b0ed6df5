"""The slices of a scene: squares of several sizes that cover it twice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.imaging.limits import MIN_SIDE

SCALES = (128, 256, 512)
LARGEST = 4096  # side of a slice; rows of this height are held in memory


@dataclass(frozen=True, slots=True)
class Slice:
    """A square of a scene, in its pixels.

    Attributes:
        x: First column.
        y: First row.
        size: Side.
    """

    x: int
    y: int
    size: int

    @property
    def window(self) -> tuple[int, int, int, int]:
        """Column, row, width and height."""
        return self.x, self.y, self.size, self.size


def parse_scales(text: str) -> tuple[int, ...]:
    """Return the sizes of ``--scales``, for example ``128,256,512``, each once, in order.

    Raises:
        WrongUsage: The text is not a list of sizes from 16 to 4096 pixels.
    """
    parts = [part.strip() for part in text.split(",")]
    numbers = {int(part) for part in parts if re.fullmatch(r"[0-9]{1,6}", part)}
    if not all(re.fullmatch(r"[0-9]{1,6}", part) for part in parts) or not all(
        MIN_SIDE <= number <= LARGEST for number in numbers
    ):
        raise WrongUsage(
            f"--scales {text}: must be a list of sizes from {MIN_SIDE} to {LARGEST} pixels",
            hint="use --scales 128,256,512",
        )
    return tuple(sorted(numbers))


def fitting_scales(width: int, height: int, scales: Sequence[int], where: str) -> tuple[int, ...]:
    """Return the scales that fit into a scene.

    Raises:
        RsitmdError: None does.
    """
    fitting = tuple(scale for scale in scales if scale <= min(width, height))
    if not fitting:
        side = min(width, height)
        smaller = f"use a smaller slice, such as --scales {max(MIN_SIDE, side // 2)}"
        raise RsitmdError(
            f"is {width} x {height} pixels, smaller than a slice of {min(scales)} pixels",
            where=where,
            hint=smaller if side >= MIN_SIDE else f"use a scene of {MIN_SIDE} pixels or more",
        )
    return fitting


def slices_of(width: int, height: int, scales: Sequence[int]) -> list[Slice]:
    """Return the slices of a scene, each once, in the order in which their last rows are read.

    Each scale covers the scene once on the grid, and once with the grid shifted by half a slice
    in x and y. A slice that reaches over an edge is shifted inside (AMFMN, section V-H).

    Args:
        width: Width of the scene in pixels.
        height: Height of the scene in pixels.
        scales: Sizes, none larger than the scene.
    """
    found = {
        Slice(x, y, size)
        for size in scales
        for shift in (0, size // 2)
        for y in _starts(height, size, shift)
        for x in _starts(width, size, shift)
    }
    return sorted(found, key=lambda one: (one.y + one.size, one.size, one.x))


def _starts(length: int, size: int, shift: int) -> list[int]:
    """Return where the slices of an axis start; the last one ends at the edge."""
    return [min(start, length - size) for start in range(shift, length, size)]

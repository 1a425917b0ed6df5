"""Which bands of a raster become red, green and blue, and which values black and white."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from rsitmd_tools.errors import WrongUsage


class ValueRange(NamedTuple):
    """The values that become black (0) and white (255)."""

    low: float
    high: float


@dataclass(frozen=True)
class BandOptions:
    """How the bands of a raster become an image of 8 bits.

    Attributes:
        bands: One band (grey) or three bands (red, green, blue), counted from 1. By default the
            bands marked as red, green and blue; otherwise the first three, or the first.
        value_range: Values that become black and white, in the units of the file (after its scale
            and offset). By default 8-bit values are unchanged, and others are stretched.
        percentiles: Percentiles of the values of the whole scene that become black and white.
    """

    bands: tuple[int, ...] | None = None
    value_range: tuple[float, float] | None = None
    percentiles: tuple[float, float] = (2.0, 98.0)


DEFAULTS = BandOptions()


def parse_bands(text: str) -> tuple[int, ...]:
    """Return the band numbers of ``--bands``, for example ``4,3,2``.

    Raises:
        WrongUsage: The text is not one or three numbers from 1.
    """
    parts = [part.strip() for part in text.split(",")]
    numbers = [int(part) for part in parts if part.isascii() and part.isdecimal()]
    if len(numbers) != len(parts) or len(numbers) not in (1, 3) or min(numbers) < 1:
        raise WrongUsage(
            f"--bands {text}: must be one or three numbers of bands, from 1",
            hint="use --bands 4,3,2 for red, green and blue, or --bands 1 for grey",
        )
    return tuple(numbers)


def parse_range(text: str) -> tuple[float, float]:
    """Return the values of ``--range``, for example ``0,10000``.

    Raises:
        WrongUsage: The text is not two finite numbers, the lower one first.
    """
    return _pair(text, "--range", "use --range LOW,HIGH, for example --range 0,10000")


def parse_percentiles(text: str) -> tuple[float, float]:
    """Return the percentiles of ``--percentiles``, for example ``2,98``.

    Raises:
        WrongUsage: The text must be two numbers from 0 to 100, the lower one first.
    """
    hint = "use --percentiles LOW,HIGH, for example --percentiles 2,98"
    low, high = _pair(text, "--percentiles", hint)
    if low < 0 or high > 100:
        raise WrongUsage(f"--percentiles {text}: must be between 0 and 100", hint=hint)
    return low, high


def _pair(text: str, option: str, hint: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        raise WrongUsage(f"{option} {text}: must be two numbers", hint=hint) from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise WrongUsage(
            f"{option} {text}: the first number must be lower than the second", hint=hint
        )
    return low, high

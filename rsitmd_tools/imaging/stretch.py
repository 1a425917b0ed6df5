"""Values of any type to 8 bits: the range of a scene, and the mapping."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.options import DEFAULTS, ValueRange

TABLE_BITS = 16  # up to this size, integers are counted and mapped by a table
PART = 65_536  # values that are mapped at once
FEW = 4_000  # values, for which a table is not worth it


def stretch(
    values: npt.NDArray[Any], percentiles: tuple[float, float] = DEFAULTS.percentiles
) -> tuple[npt.NDArray[np.uint8], ValueRange]:
    """Map the range between two percentiles to 0..255.

    Sensors use a small part of 16 bits, with a few outliers. All values have one range, of all
    bands together, to keep the colours. Non-finite values become 0.

    Returns:
        Array of the same shape, and the values that became 0 and 255.

    Raises:
        UnusableImageError: No value is finite.
    """
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    limits = percentile_range([native.ravel()], percentiles)
    shades = to_bytes(native, limits)
    if native.dtype.kind == "f":
        shades[~np.isfinite(native)] = 0
    return shades, limits


def to_bytes(values: npt.NDArray[Any], limits: ValueRange) -> npt.NDArray[np.uint8]:
    """Map ``limits`` to 0..255, with values outside of them clipped, NaN as 0.

    Args:
        values: Numbers of any shape and real type.
        limits: The values that become 0 and 255. If they are equal, that value becomes 0.
    """
    kind = values.dtype
    if kind.kind in "iu" and kind.itemsize * 8 <= TABLE_BITS and values.size > FEW:
        if _single_is_exact(kind.str, limits):
            return _in_single_precision(values, limits)
        shades: npt.NDArray[np.uint8] = _table(kind.str, limits)[values.view(f"u{kind.itemsize}")]
        return shades
    return _scaled(values, limits)


def _scaled(values: npt.NDArray[Any], limits: ValueRange) -> npt.NDArray[np.uint8]:
    span = limits.high - limits.low or 1.0
    numbers = values.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        numbers -= limits.low
        numbers /= span
        np.clip(numbers, 0.0, 1.0, out=numbers)
    numbers[np.isnan(numbers)] = 0.0
    numbers *= 255
    return numbers.round(out=numbers).astype(np.uint8)


@functools.lru_cache(maxsize=16)  # a scene has one, its tiles use it again
def _table(kind: str, limits: ValueRange) -> npt.NDArray[np.uint8]:
    """Return the result for every value of an integer type, in the order of its bit patterns."""
    size = np.dtype(kind).itemsize
    return _scaled(np.arange(1 << (8 * size), dtype=f"u{size}").view(kind), limits)


@functools.lru_cache(maxsize=16)
def _single_is_exact(kind: str, limits: ValueRange) -> bool:
    """Return whether single precision gives the result of the table for every value.

    For most limits it does, and takes half the time of looking up each value.
    """
    size = np.dtype(kind).itemsize
    every = np.arange(1 << (8 * size), dtype=f"u{size}").view(kind)
    return bool((_in_single_precision(every, limits) == _table(kind, limits)).all())


def _in_single_precision(
    values: npt.NDArray[np.integer], limits: ValueRange
) -> npt.NDArray[np.uint8]:
    low, span = np.float32(limits.low), np.float32(limits.high - limits.low or 1.0)
    flat = values.reshape(-1)
    shades = np.empty(flat.shape, np.uint8)
    # In parts that fit in the cache of a core.
    for start in range(0, len(flat), PART):
        part = slice(start, start + PART)
        numbers = flat[part].astype(np.float32)
        numbers -= low
        numbers /= span
        np.clip(numbers, 0, 1, out=numbers)
        numbers *= 255
        shades[part] = np.rint(numbers, out=numbers)
    return shades.reshape(values.shape)


def percentile_range(
    blocks: Iterable[npt.NDArray[Any]], percentiles: tuple[float, float]
) -> ValueRange:
    """Return two percentiles of all values of some blocks, as ``numpy.percentile`` does.

    Integers of up to 16 bits are counted, so that any number of blocks needs little memory.
    Others are collected.

    Args:
        blocks: One-dimensional arrays of one real type. Non-finite values are left out.
        percentiles: The two percentiles, 0 to 100.

    Raises:
        UnusableImageError: No value is finite.
    """
    counts: npt.NDArray[np.int64] | None = None
    kept: list[npt.NDArray[Any]] = []
    kind: np.dtype[Any] | None = None
    for block in blocks:
        kind = block.dtype
        if kind.kind in "iu" and kind.itemsize * 8 <= TABLE_BITS:
            found = np.bincount(block.view(f"u{kind.itemsize}"), minlength=1 << (8 * kind.itemsize))
            counts = found if counts is None else counts + found
        else:
            kept.append(block[np.isfinite(block)] if kind.kind == "f" else block)
    if counts is not None and kind is not None and counts.any():
        return _percentiles_of_counts(counts, kind, percentiles)
    values = np.concatenate(kept) if kept else np.empty(0)
    if not values.size:
        raise UnusableImageError("has no finite value (all are nodata, masked, NaN or infinite)")
    low, high = np.percentile(values, percentiles, overwrite_input=True)
    return ValueRange(float(low), float(high))


def _percentiles_of_counts(
    counts: npt.NDArray[np.int64], kind: np.dtype[Any], percentiles: tuple[float, float]
) -> ValueRange:
    values = np.arange(len(counts), dtype=f"u{kind.itemsize}").view(kind.newbyteorder("="))
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(counts[order])
    limits = []
    for percentile in percentiles:
        place = percentile / 100 * (int(ends[-1]) - 1)
        below, above = (
            float(values[order[int(np.searchsorted(ends, index, side="right"))]])
            for index in (int(np.floor(place)), int(np.ceil(place)))
        )
        limits.append(float(below + (above - below) * (place - np.floor(place))))
    return ValueRange(limits[0], limits[1])

"""The map of a query: scores averaged over the slices that cover a place, then filtered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rsitmd_tools.baselines.localisation.slices import Slice

MOST = 6_250_000  # pixels of a map; that of a larger scene has larger pixels
MEDIAN = 251  # side of the median filter in pixels of the scene, as SeLo's
FLAT = 1e-6  # a smaller range of scores, in single precision, is rounding

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True)
class HeatMap:
    """A map of how well each place fits a query.

    Attributes:
        values: ``(H, W) float32``, 0 to 1; 0 where the scene has no data.
        covered: ``(H, W) bool``: the places that a slice covers.
        step: Pixels of the scene in a pixel of the map, in one direction.
    """

    values: npt.NDArray[np.float32]
    covered: npt.NDArray[np.bool_]
    step: int = 1

    def part(self, x: int, y: int, width: int, height: int) -> tuple[float, float, float, float]:
        """Return the edges of a window of the scene in pixels of the map.

        Args:
            x: First column of the window.
            y: First row.
            width: Columns.
            height: Rows.

        Returns:
            Left, upper, right and lower edge.
        """
        left, upper, right, lower = (edge / self.step for edge in (x, y, x + width, y + height))
        return left, upper, right, lower


def map_step(width: int, height: int, most: int = MOST) -> int:
    """Return how many pixels of a scene are one pixel of its map, in one direction."""
    step = 1
    while math.ceil(width / step) * math.ceil(height / step) > most:
        step += 1
    return step


def average(
    slices: Sequence[Slice], scores: Scores, width: int, height: int, step: int = 1
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Average at each place the scores of the slices that cover it (AMFMN, section V-H).

    Args:
        slices: The slices.
        scores: ``(N,)``; NaN for slices that do not count.
        width: Width of the scene in pixels.
        height: Height of the scene in pixels.
        step: Pixels of the scene in a pixel of the map. The centre of a map pixel decides which
            slices cover it.

    Returns:
        ``(H, W) float32`` averages, 0 where no slice counts, and ``(H, W) bool`` where one does.
    """
    shape = math.ceil(height / step), math.ceil(width / step)
    total, count = np.zeros(shape, np.float64), np.zeros(shape, np.uint16)
    for one, score in zip(slices, scores.tolist(), strict=True):
        if not math.isnan(score):
            place = (
                slice(_pixel(one.y, height, step), _pixel(one.y + one.size, height, step)),
                slice(_pixel(one.x, width, step), _pixel(one.x + one.size, width, step)),
            )
            total[place] += score
            count[place] += 1
    np.divide(total, count, out=total, where=count > 0)
    return total.astype(np.float32), count > 0


def _pixel(edge: int, length: int, step: int) -> int:
    """Return the first map pixel whose centre is at or after an edge of a slice.

    The centre of the last pixel can be outside the scene. A slice at the edge covers it.
    """
    return math.ceil(length / step) if edge >= length else math.ceil(edge / step - 0.5)


def normalised(
    values: npt.NDArray[np.float32], covered: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Map the lowest covered value to 0 and the highest to 1; a flat map becomes 0."""
    inside = values[covered]
    low, high = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 0.0)
    if is_flat(low, high):
        return np.zeros_like(values)
    return np.where(covered, (values - low) / (high - low), 0).astype(np.float32)


def is_flat(low: float, high: float) -> bool:
    """Return whether the lowest and the highest score differ by no more than rounding."""
    return high - low <= FLAT * max(1.0, abs(low), abs(high))


def median_filtered(
    values: npt.NDArray[np.float32], covered: npt.NDArray[np.bool_], step: int = 1
) -> npt.NDArray[np.float32]:
    """Filter a map of 0 to 1 with a median of 251 pixels of the scene, in 256 levels, as SeLo.

    The filter repeats the edge of the map, and that of the places with data.

    Args:
        values: ``(H, W)``, 0 to 1.
        covered: ``(H, W)``: places outside stay 0.
        step: Pixels of the scene in a pixel of the map.
    """
    import cv2

    side = max(1, round(MEDIAN / step)) | 1
    levels = _extended((values * 255).astype(np.uint8), covered)
    filtered = cv2.medianBlur(levels, side) if side > 1 else levels
    return np.where(covered, filtered / np.float32(255), 0).astype(np.float32)


def _extended(
    levels: npt.NDArray[np.uint8], covered: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint8]:
    """Give each place without data the value of the nearest place that has some."""
    import cv2

    if covered.all() or not covered.any():
        return levels
    without = (~covered).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        without, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    values = np.zeros(int(nearest.max()) + 1, np.uint8)
    values[nearest[covered]] = levels[covered]
    extended: npt.NDArray[np.uint8] = values[nearest]
    return extended


def heat_map(slices: Sequence[Slice], scores: Scores, width: int, height: int) -> HeatMap:
    """Return the map of a query: average, normalise, filter."""
    step = map_step(width, height)
    values, covered = average(slices, scores, width, height, step)
    return HeatMap(median_filtered(normalised(values, covered), covered, step), covered, step)


def best_slices(slices: Sequence[Slice], scores: Scores, count: int) -> list[int]:
    """Return the indices of the slices with the best scores, in different places.

    A slice is left out if it shares more than half of the smaller one's area with a better slice.
    """
    order = np.argsort(-scores, kind="stable")
    chosen: list[int] = []
    for index in order.tolist():
        if len(chosen) >= count or np.isnan(scores[index]):
            break
        if all(_shared(slices[index], slices[other]) <= 0.5 for other in chosen):
            chosen.append(index)
    return chosen


def _shared(one: Slice, other: Slice) -> float:
    """Return the common area of two slices as a share of the smaller one's."""
    across = min(one.x + one.size, other.x + other.size) - max(one.x, other.x)
    down = min(one.y + one.size, other.y + other.size) - max(one.y, other.y)
    return max(0, across) * max(0, down) / min(one.size, other.size) ** 2

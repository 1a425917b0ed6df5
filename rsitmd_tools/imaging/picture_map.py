"""The map between two images of one picture, and the ground that two images have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from rsitmd_tools.imaging.coarse import coarse_registrations
from rsitmd_tools.imaging.perceptual import ORIENTATIONS, SIDE, in_orientation
from rsitmd_tools.imaging.pixels import as_grey, open_image
from rsitmd_tools.imaging.registration import Registration, register

DETAIL = 128  # side length in pixels at which images are registered

Map = tuple[tuple[float, ...], ...]
Points = npt.NDArray[np.float64]
Grey = npt.NDArray[np.uint8]

_CORNERS: Points = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)


def picture_map(first: Path, second: Path) -> Map | None:
    """Return the map between two exact or near duplicates, in any of the eight orientations.

    Args:
        first: An image file.
        second: Another one of the same picture.

    Returns:
        ``(2, 3)`` map from the first image to the second one, in shares of width and height; None
        if a file cannot be decoded.
    """
    try:
        images = [as_grey(open_image(path)) for path in (first, second)]
    except Exception:
        # Decoders raise many types of exceptions for damaged files.
        return None
    one, other = (_square(image, DETAIL) for image in images)
    small, other_small = (_square(image, SIDE) for image in images)
    every = np.arange(len(ORIENTATIONS))
    found = coarse_registrations(
        np.stack([small, other_small]), np.zeros_like(every), np.ones_like(every), every
    )
    best = max(range(len(found)), key=lambda index: found[index].similarity)
    fit = register(in_orientation(one, best), other, found[best])
    return _rows(_fit_matrix(fit) @ _orientation_matrix(best))


def common_ground(mapping: Sequence[Sequence[float]]) -> tuple[Points, Points]:
    """Return the outlines of the ground that two images have in common.

    Args:
        mapping: ``(2, 3)`` map from the first image to the second one, in shares of width and
            height.

    Returns:
        Two ``(N, 2)`` polygons: in the first image and in the second one, in the same shares. They
        are empty if nothing is common.
    """
    matrix = np.vstack([np.array(mapping, np.float64), [0, 0, 1]])
    if abs(np.linalg.det(matrix[:2, :2])) < 1e-9:
        return _CORNERS[:0], _CORNERS[:0]
    shared = _inside(_mapped(matrix, _CORNERS))
    return _mapped(np.linalg.inv(matrix), shared).clip(0, 1), shared


def common_share(outlines: tuple[Points, Points]) -> float:
    """Return the larger of the two shares of an image that the common ground covers."""
    return max(_area(points) for points in outlines)


def _inside(polygon: Points) -> Points:
    """Return the part of a polygon that is in the unit square."""
    from matplotlib.path import Path as Outline
    from matplotlib.transforms import Bbox

    clipped = Outline(polygon, closed=False).clip_to_bbox(Bbox([[0, 0], [1, 1]])).vertices
    points = np.asarray(clipped, np.float64).reshape(-1, 2).clip(0, 1)
    # Clipping repeats points, the first one at the end.
    points = points[np.abs(points - np.roll(points, 1, axis=0)).max(axis=1) > 1e-9]
    return points if len(points) >= 3 else _CORNERS[:0]


def _area(polygon: Points) -> float:
    if len(polygon) < 3:
        return 0.0
    x, y = polygon.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def _mapped(matrix: Points, points: Points) -> Points:
    moved: Points = points @ matrix[:2, :2].T + matrix[:2, 2]
    return moved


def _orientation_matrix(orientation: int) -> Points:
    """Return the ``(3, 3)`` map of an orientation, from where it takes three corners."""
    # The position of each corner is read off a turned picture of four different pixels.
    turned = in_orientation(np.array([[0, 1], [3, 2]], np.uint8), orientation)
    place = {int(turned[row, column]): (column, row) for row in (0, 1) for column in (0, 1)}
    origin, right, below = (np.array(place[corner], np.float64) for corner in (0, 1, 3))
    matrix = np.eye(3)
    matrix[:2] = np.column_stack([right - origin, below - origin, origin])
    return matrix


def _fit_matrix(fit: Registration) -> Points:
    """Return the ``(3, 3)`` map of a registration from the first image to the second one."""
    # Before the comparison, the second image is enlarged about its centre by a zoom above 1, or
    # the first one by the inverse of a zoom below 1. The shift leads from the second one to the
    # first one.
    zoom, shift = fit.zoom, np.array(fit.shift)
    matrix = np.diag([1 / zoom, 1 / zoom, 1.0])
    moved = shift / zoom if zoom > 1 else shift
    matrix[:2, 2] = (1 - 1 / zoom) / 2 - moved
    return matrix


def _square(image: Image.Image, side: int) -> Grey:
    return np.asarray(image.resize((side, side), Image.Resampling.BOX))


def _rows(matrix: Points) -> Map:
    return tuple(tuple(float(value) for value in row) for row in matrix[:2])

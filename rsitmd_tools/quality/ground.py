"""The distance of two sets of footprints on the ground."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pyproj import Geod
    from shapely.geometry.base import BaseGeometry

Values = npt.NDArray[np.float64]

WGS84 = "WGS84"
# The least radius of curvature of WGS84, in metres: an angle times this is never too long.
LEAST_RADIUS = 6_335_439.0
PARTS = 16  # of an edge: straight in degrees, it is a curve on the ground


class _Caps(NamedTuple):
    """The caps of a sphere that contain some footprints.

    Attributes:
        centres: ``(n, 3)`` unit vectors.
        radii: ``(n,)`` angles in radians.
    """

    centres: Values
    radii: Values


def ground_metres(first: Sequence[BaseGeometry], second: Sequence[BaseGeometry]) -> float:
    """Return the least distance between footprints of two sets in metres, 0 if two of them meet.

    The nearest points of two footprints are found on a sphere, around the middle of both, and the
    distance between them is that of the ellipsoid. Two footprints are not measured if the caps
    around them are farther apart than the best two so far.

    Args:
        first: At least one footprint, in degrees (WGS84). One that crosses 180 degrees can have
            parts on both sides, or longitudes above 180.
        second: At least one footprint of another set.
    """
    from pyproj import Geod
    from scipy.spatial import KDTree

    geod = Geod(ellps=WGS84)
    one, other = _caps(first), _caps(second)
    tree, widest = KDTree(one.centres), float(one.radii.max())
    chords, nearest = tree.query(other.centres)
    bounds = _angle(chords) - other.radii
    best = np.inf
    for index in np.argsort(bounds).tolist():
        if (bounds[index] - widest) * LEAST_RADIUS >= best:
            break
        best = min(best, _metres(first[nearest[index]], second[index], geod))
        reach = best / LEAST_RADIUS + other.radii[index] + widest
        near = tree.query_ball_point(other.centres[index], _chord(reach))
        apart = _angle(np.linalg.norm(one.centres[near] - other.centres[index], axis=1))
        least = LEAST_RADIUS * (apart - one.radii[near] - other.radii[index])
        for place in np.argsort(least).tolist():
            if least[place] >= best or not best:
                break
            best = min(best, _metres(first[near[place]], second[index], geod))
        if not best:
            break
    return float(best)


def _caps(shapes: Sequence[BaseGeometry]) -> _Caps:
    """Return a cap around each footprint."""
    from shapely import get_coordinates

    points, owners = get_coordinates(shapes, return_index=True)
    vectors = _vectors(points)
    sums = np.stack([np.bincount(owners, axis, len(shapes)) for axis in vectors.T], axis=1)
    centres = sums / np.maximum(np.linalg.norm(sums, axis=1), 1e-9)[:, None]
    radii = np.zeros(len(shapes))
    np.maximum.at(radii, owners, _angle(np.linalg.norm(vectors - centres[owners], axis=1)))
    return _Caps(centres, radii * 1.01)  # an edge can leave the cap of its ends a little


def _metres(one: BaseGeometry, other: BaseGeometry, geod: Geod) -> float:
    """Return the distance of two footprints in metres."""
    from shapely import segmentize, transform
    from shapely.ops import nearest_points

    middle = _unit(sum(_vectors(_points(shape)).mean(axis=0) for shape in (one, other)))
    longitude = float(np.degrees(np.arctan2(middle[1], middle[0])))

    def beside(points: Values) -> Values:
        """Move longitudes by whole turns, to both sides of the middle."""
        moved = (points[:, 0] - longitude + 180) % 360 - 180 + longitude
        return np.stack([moved, points[:, 1]], axis=1)

    near = [transform(shape, beside) for shape in (one, other)]
    if near[0].intersects(near[1]):
        return 0.0
    plane = _Plane(middle)
    ends = nearest_points(
        *(
            transform(segmentize(shape, _extent(shape) / PARTS or 1.0), plane.project)
            for shape in near
        )
    )
    here, there = plane.degrees(np.array([[end.x, end.y] for end in ends]))
    return float(geod.inv(*here, *there)[2])


class _Plane:
    """The azimuthal equidistant projection of a sphere around a unit vector ``(3,)``."""

    def __init__(self, middle: Values) -> None:
        axis = np.eye(3)[np.abs(middle).argmin()]
        right = _unit(np.cross(axis, middle))
        self._axes = np.stack([right, np.cross(middle, right), middle])

    def project(self, points: Values) -> Values:
        """Return places ``(n, 2)`` of points ``(n, 2)`` in degrees."""
        turned = _vectors(points) @ self._axes.T
        angles = np.arctan2(np.linalg.norm(turned[:, :2], axis=1), turned[:, 2])
        found: Values = turned[:, :2] / np.sinc(angles / np.pi)[:, None]
        return found

    def degrees(self, places: Values) -> Values:
        """Return longitudes and latitudes ``(n, 2)`` of places."""
        angles = np.linalg.norm(places, axis=1)[:, None]
        turned = np.hstack([places * np.sinc(angles / np.pi), np.cos(angles)])
        x, y, z = (turned @ self._axes).T
        latitude = np.arctan2(z, np.hypot(x, y))
        found: Values = np.degrees(np.stack([np.arctan2(y, x), latitude], axis=1))
        return found


def _points(shape: BaseGeometry) -> Values:
    from shapely import get_coordinates

    found: Values = get_coordinates(shape)
    return found


def _extent(shape: BaseGeometry) -> float:
    left, bottom, right, top = shape.bounds
    return float(max(right - left, top - bottom))


def _vectors(points: Values) -> Values:
    """Return the unit vectors ``(n, 3)`` of longitudes and latitudes ``(n, 2)`` in degrees."""
    longitude, latitude = np.radians(points).T
    flat = np.cos(latitude)
    return np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=1)


def _unit(vector: Values) -> Values:
    """Return a vector of length 1; the first axis for the sum of opposite ones."""
    length = float(np.linalg.norm(vector))
    found: Values = vector / length if length > 1e-9 else np.eye(3)[0]
    return found


def _angle(chords: Values) -> Values:
    found: Values = 2 * np.arcsin(np.minimum(chords / 2, 1))
    return found


def _chord(angle: float) -> float:
    return float(2 * np.sin(min(angle, np.pi) / 2))

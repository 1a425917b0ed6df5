"""Outlines in longitude and latitude as GeoJSON: cut at the antimeridian, around poles."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

# Points on each edge of a window. Those on a line that is straight enough are left out.
EDGE = 8
EDGE_AT_POLE = 64
WHOLE = 359.999  # degrees of longitude of the whole Earth
STRAIGHT = 1e-3  # largest distance from the line, as a share of its length
AT_POLE = 1e-6  # degrees from a pole, and from half a turn
DECIMALS = 9  # of longitudes and latitudes: 0.1 mm

Floats = npt.NDArray[np.float64]


def plain(rings: Floats) -> npt.NDArray[np.bool_]:
    """Return which rings are counterclockwise, convex, straight, and far from the antimeridian.

    These are nearly all. They need no geometry library.

    Args:
        rings: Longitudes and latitudes, (N, 4 * EDGE, 2).
    """
    with np.errstate(invalid="ignore"):
        flat = _flat(rings)
        corners = flat[:, ::EDGE]
        edges = np.roll(corners, -1, axis=1) - corners
        after = np.roll(edges, -1, axis=1)
        turns = edges[..., 0] * after[..., 1] - edges[..., 1] * after[..., 0]
        offsets = flat.reshape(len(rings), 4, EDGE, 2) - corners[:, :, None]
        away = np.abs(
            offsets[..., 0] * edges[:, :, None, 1] - offsets[..., 1] * edges[:, :, None, 0]
        )
        straight = (away.max(axis=2) <= STRAIGHT * (edges**2).sum(axis=2)).all(axis=1)
        inside = (np.abs(rings[..., 0]) <= 180).all(axis=1)
        inside &= (np.abs(rings[..., 1]) <= 90).all(axis=1)
        narrow = rings[..., 0].max(axis=1) - rings[..., 0].min(axis=1) < 90
    found: npt.NDArray[np.bool_] = straight & inside & narrow & (turns > 0).all(axis=1)
    return found


def polygon(lons: Floats, lats: Floats) -> dict[str, Any] | None:
    """Return a ring of longitudes and latitudes as a GeoJSON geometry, or None."""
    from shapely.geometry import box

    if not (np.isfinite(lons).all() and np.isfinite(lats).all()) or np.abs(lats).max() > 90:
        return None
    touching = _touching_pole(lons, lats)
    if touching is not None:
        return _between(touching)
    around = np.unwrap(np.append(lons, lons[0]), period=360)
    if abs(around[-1] - around[0]) > 180:
        return _around_pole(list(zip(lons.tolist(), lats.tolist(), strict=True)))
    if around.max() - around.min() > WHOLE:
        south, north = lats.min(), lats.max()
        return _checked(box(-180, south, 180, north))
    return _between(_corners(np.stack([around[:-1], lats], axis=1)))


def _between(ring: Floats) -> dict[str, Any] | None:
    """Return a ring of continuous longitudes as a geometry, cut at the antimeridian."""
    from shapely.affinity import translate
    from shapely.geometry import MultiPolygon, Polygon, box

    middle = (ring[:, 0].min() + ring[:, 0].max()) / 2
    turn = 360 * math.floor((middle + 180) / 360)
    shifted = np.stack([ring[:, 0] - turn, ring[:, 1]], axis=1).round(DECIMALS)
    whole = Polygon(shifted)
    if np.abs(shifted[:, 0]).max() <= 180:
        return _checked(whole)
    if not whole.is_valid:
        return None
    earth = box(-180, -90, 180, 90)
    cut = [translate(whole, east).intersection(earth) for east in (0, -360, 360)]
    parts = [part for found in cut for part in getattr(found, "geoms", [found]) if part.area]
    return _checked(MultiPolygon(parts))


def _touching_pole(lons: Floats, lats: Floats) -> Floats | None:
    """Return a ring that goes through a pole, with the pole as a line from meridian to meridian.

    Returns:
        Continuous longitudes, and latitudes; None if the ring does not go through a pole.
    """
    (at,) = np.nonzero(np.abs(lats) > 90 - AT_POLE)
    if len(at) == 1:
        lons, lats = np.roll(lons, -at[0] - 1)[:-1], np.roll(lats, -at[0] - 1)[:-1]
    else:
        # An edge through the pole leads from a meridian to the opposite one.
        turns = (np.roll(lons, -1) - lons) % 360
        (at,) = np.nonzero(np.abs(turns - 180) < AT_POLE)
        if len(at) != 1:
            return None
        lons, lats = np.roll(lons, -at[0] - 1), np.roll(lats, -at[0] - 1)
    lons = np.unwrap(lons, period=360).astype(np.float64)
    pole = math.copysign(90, lats[0])
    return np.stack([[*lons, lons[-1], lons[0]], [*lats, pole, pole]], axis=1)


def _around_pole(points: list[tuple[float, ...]]) -> dict[str, Any] | None:
    """Return a polygon that holds a pole, cut at the antimeridian."""
    import warnings

    from antimeridian import fix_polygon
    from shapely.geometry import Polygon, mapping

    north = sum(latitude for _, latitude in points) > 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fixed = fix_polygon(
                Polygon(points),
                great_circle=False,
                force_north_pole=north,
                force_south_pole=not north,
            )
    except Exception:
        # The package raises ValueError and errors of shapely for rings that cannot be cut.
        return None
    return _lists(mapping(fixed)) if fixed.is_valid and fixed.area else None


def _corners(ring: Floats) -> Floats:
    """Leave out the points on the edges if all edges are straight."""
    step = len(ring) // 4
    flat = _flat(ring)
    corners = flat[::step]
    edges = np.roll(corners, -1, axis=0) - corners
    offsets = flat.reshape(4, step, 2) - corners[:, None]
    # The distance from the line times its length.
    away = np.abs(offsets[..., 0] * edges[:, None, 1] - offsets[..., 1] * edges[:, None, 0])
    straight = away.max(axis=1) <= STRAIGHT * (edges**2).sum(axis=1)
    return ring[::step] if straight.all() else ring


def _flat(rings: Floats) -> Floats:
    """Return rings with degrees of longitude that are as long as those of latitude."""
    scale = np.cos(np.radians(rings[..., 1])).mean(axis=-1)[..., None]
    return np.stack([rings[..., 0] * scale, rings[..., 1]], axis=-1)


def _checked(geometry: Any) -> dict[str, Any] | None:
    """Return a geometry with counterclockwise rings; None if it is not valid or has no area."""
    from shapely.geometry import MultiPolygon, mapping
    from shapely.geometry.polygon import orient

    if not geometry.is_valid or not geometry.area:
        return None
    parts = [orient(part) for part in getattr(geometry, "geoms", [geometry])]
    return _lists(mapping(MultiPolygon(parts) if len(parts) > 1 else parts[0]))


def _lists(geometry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a geometry of lists with rounded coordinates, as JSON has them."""

    def rounded(value: Any) -> Any:
        if isinstance(value, int | float):
            return round(float(value), DECIMALS)
        return [rounded(part) for part in value]

    return {"type": geometry["type"], "coordinates": rounded(geometry["coordinates"])}

"""The distance of footprints on the ground, against points on their edges."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

shapely = pytest.importorskip("shapely")
pytest.importorskip("pyproj")

from pyproj import Geod  # noqa: E402
from shapely.affinity import translate  # noqa: E402
from shapely.geometry import MultiPolygon, Polygon, box  # noqa: E402

from rsitmd_tools.quality.ground import ground_metres  # noqa: E402

GEOD = Geod(ellps="WGS84")
DENSE = 60  # points on an edge


def edge_points(shape: Polygon) -> npt.NDArray[np.float64]:
    corners = np.array(shape.exterior.coords)
    steps = np.linspace(0, 1, DENSE)[:, None]
    return np.concatenate([one + steps * (two - one) for one, two in itertools.pairwise(corners)])


def by_points(first: list[Polygon], second: list[Polygon]) -> tuple[float, float]:
    """Return the least distance of points on the edges, and of two neighbouring points."""
    found, step = np.inf, 0.0
    for one, other in itertools.product(first, second):
        a, b = edge_points(one), edge_points(other)
        rows = np.repeat(np.arange(len(a)), len(b)), np.tile(np.arange(len(b)), len(a))
        metres = GEOD.inv(*a[rows[0]].T, *b[rows[1]].T)[2]
        found = min(found, float(np.min(metres)))
        for points in (a, b):
            between = GEOD.inv(*points[:-1].T, *points[1:].T)[2]
            step = max(step, float(np.max(between)))
    return found, step


def tile(longitude: float, latitude: float, size: float = 0.05) -> Polygon:
    return box(longitude, latitude, longitude + size, latitude + size)


def test_far_from_the_equator_a_degree_of_longitude_is_short() -> None:
    """The tile to the east is nearer in metres, the one to the north in degrees."""
    first, second = [tile(10, 60.95), tile(11.05, 60)], [tile(10, 60)]
    expected, step = by_points(first, second)
    assert expected < 56_000 < by_points(first[:1], second)[0]
    assert ground_metres(first, second) == pytest.approx(expected, abs=step)
    assert ground_metres(second, first) == pytest.approx(expected, abs=step)


@pytest.mark.parametrize(
    "crossing",
    [
        box(179.98, 10, 180.02, 10.04),
        box(-180.02, 10, -179.98, 10.04),
        MultiPolygon([box(179.98, 10, 180, 10.04), box(-180, 10, -179.98, 10.04)]),
    ],
)
def test_across_180_degrees(crossing: Polygon) -> None:
    east, far = tile(-179.94, 10, 0.04), tile(179.0, 10, 0.04)
    metres = GEOD.inv(-179.98, 10.02, -179.94, 10.02)[2]
    assert ground_metres([crossing], [east, far]) == pytest.approx(metres, rel=1e-3)
    assert ground_metres([crossing], [translate(east, 360)]) == pytest.approx(metres, rel=1e-3)
    assert ground_metres([crossing], [tile(-179.99, 10.01)]) == 0


def test_footprints_that_meet() -> None:
    assert ground_metres([tile(0, 0), tile(5, 5)], [tile(5.02, 5.02)]) == 0
    # A common edge in part: straight in degrees, a curve on the ground.
    assert ground_metres([box(0, 60, 1, 60.5)], [box(0.3, 60.5, 0.7, 61)]) == 0


def test_the_far_side_of_the_earth() -> None:
    found = ground_metres([tile(0, 0)], [tile(179.9, -0.05)])
    assert 19_000_000 < found < 20_040_000


places = st.tuples(st.floats(-180, 180), st.floats(-85, 85))
near = st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=4)


@settings(deadline=None, max_examples=60)
@given(middle=places, first=near, second=near, size=st.sampled_from([0.01, 0.05, 0.2]))
def test_no_points_of_edges_are_nearer(
    middle: tuple[float, float],
    first: list[tuple[float, float]],
    second: list[tuple[float, float]],
    size: float,
) -> None:
    sides = [
        [tile(middle[0] + x, middle[1] + y, size) for x, y in part] for part in (first, second)
    ]
    expected, step = by_points(*sides)
    found = ground_metres(*sides)
    assert found <= expected * 1.0001 + 0.01
    inside = any(one.intersects(other) for one, other in itertools.product(*sides))
    assert found == 0 if inside else found >= expected - 2 * step

"""SeLo's metrics on made maps whose value is known in closed form."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.baselines.localisation.ground_truth import Polygon, Truth
from rsitmd_tools.baselines.localisation.heat_map import HeatMap
from rsitmd_tools.baselines.localisation.selo_metrics import (
    Region,
    attention_centres,
    measure,
    ras,
    rda,
    region,
    rmi,
    rsu,
)
from rsitmd_tools.errors import RsitmdError

NONE = np.empty((0, 2))
Map = npt.NDArray[np.float32]


STEP = 4  # pixels of the scene in a pixel of most maps here: they are small


def blobs(*centres: tuple[int, int], side: int = 2600, step: int = STEP) -> Map:
    """Return the map of a scene with a cone of height 1 and radius 120 at each place."""
    places = np.arange(0, side, step)
    values = np.zeros((len(places), len(places)), np.float32)
    for x, y in centres:
        distances = np.hypot(places[None, :] - x, places[:, None] - y)
        values = np.maximum(values, np.clip(1 - distances / 120, 0, 1).astype(np.float32))
    return values


def square(x: float, y: float, half: float) -> Polygon:
    corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
    return Polygon(np.array([(x + a, y + b) for a, b in corners], np.float64))


@given(inside=st.floats(0.01, 1), outside=st.floats(0.01, 1), rows=st.integers(1, 9))
def test_rsu_is_the_ratio_of_two_means(inside: float, outside: float, rows: int) -> None:
    mask = np.zeros((10, 7), np.bool_)
    mask[:rows] = True
    values = np.where(mask, inside, outside)
    assert rsu(values, mask) == pytest.approx(1 - math.exp(-0.707 * inside / outside), rel=1e-9)


def test_rsu_at_its_limits() -> None:
    mask = np.zeros((4, 4), np.bool_)
    mask[0] = True
    assert rsu(mask.astype(np.float32), mask) == 1
    assert rsu((~mask).astype(np.float32), mask) == 0
    assert rsu(np.zeros((4, 4), np.float32), mask) == 0
    assert rsu(np.ones((4, 4), np.float32), mask) == pytest.approx(1 - math.exp(-0.707))
    for empty in (mask & False, mask | True):
        with pytest.raises(ValueError, match="nothing or everything"):
            rsu(np.ones((4, 4), np.float32), empty)


def test_the_region_of_a_square() -> None:
    one = region(square(10, 20, 4).outline)
    assert (one.x, one.y) == (10, 20)
    assert one.radius == pytest.approx(1.5 * 4 * math.sqrt(2))


def test_ras_of_known_distances() -> None:
    near, far = Region(0, 0, 10), Region(100, 0, 20)
    exact = np.array([(0.0, 0.0), (100.0, 0.0)])
    assert ras([near, far], exact) == 0
    assert ras([near, far], NONE) == pytest.approx(1)
    # d / r is 0.4 (the mean of 3 and 5 by 10) and 1 (none within 20).
    centres = np.array([(3.0, 0.0), (0.0, 5.0), (100.0, 21.0)])
    expected = (math.exp(3 * 0.7) - 1) / (math.exp(3) - 1)
    assert ras([near, far], centres) == pytest.approx(expected)


def test_rda_of_no_one_and_several_centres() -> None:
    one = Region(0, 0, 10)
    assert rda([one], NONE) == 0
    assert rda([one], np.array([(9.0, 0.0), (11.0, 0.0)])) == 1
    # Two centres, each 4 from their mean.
    two = np.array([(-4.0, 0.0), (4.0, 0.0)])
    assert rda([one], two) == pytest.approx(0.5 * (1 - 0.4) + math.exp(-2))
    three = np.array([(1.0, 1.0)] * 3)
    assert rda([one], three) == pytest.approx(0.5 + math.exp(-2.5))
    assert rda([one, Region(500, 0, 10)], three) == pytest.approx((0.5 + math.exp(-2.5)) / 2)


def test_rmi_is_the_weighted_mean() -> None:
    assert rmi(1, 0, 1) == 1
    assert rmi(0, 1, 0) == 0
    assert rmi(0.5, 0.2, 0.1) == pytest.approx(0.4 * 0.5 + 0.35 * 0.8 + 0.25 * 0.1)


@pytest.mark.parametrize("step", [1, 4])
def test_attention_centres_of_far_blobs(step: int) -> None:
    values = blobs((400, 500), (1200, 1100), side=1400, step=step)
    found = sorted((attention_centres(values, step) * step).tolist())
    np.testing.assert_allclose(found, [(400, 500), (1200, 1100)], atol=2 * step)


def test_a_lower_blob_is_a_centre_only_beyond_the_neighbourhood_and_from_one_half() -> None:
    high = blobs((600, 1300))
    beside = np.maximum(high, 0.8 * blobs((900, 1300)))
    assert len(attention_centres(beside, STEP)) == 1
    beyond = np.maximum(high, 0.8 * blobs((1900, 1300)))
    assert len(attention_centres(beyond, STEP)) == 2
    weak = np.maximum(high, 0.45 * blobs((1900, 1300)))
    assert len(attention_centres(weak, STEP)) == 1
    assert len(attention_centres(np.zeros((300, 300), np.float32))) == 0


def test_a_perfect_map_and_a_wrong_one() -> None:
    truth = Truth(Path("t.geojson"), (square(1300, 1300, 200),))
    values = blobs((1300, 1300))
    covered = np.ones(values.shape, np.bool_)
    good = measure(HeatMap(values, covered, STEP), truth)
    assert (good.rsu, good.rda) == (1, 1)
    assert good.ras < 0.01
    assert good.rmi == pytest.approx(rmi(good.rsu, good.ras, good.rda))
    bad = measure(HeatMap(blobs((100, 100)), covered, STEP), truth)
    assert bad.document() == {"rsu": 0, "ras": pytest.approx(1), "rda": 0, "rmi": pytest.approx(0)}


def test_polygons_that_hold_everything() -> None:
    truth = Truth(Path("t.geojson"), (square(50, 50, 500),))
    covered = np.ones((100, 100), np.bool_)
    with pytest.raises(RsitmdError, match=r"t.geojson: the polygons cover none or all"):
        measure(HeatMap(np.zeros((100, 100), np.float32), covered), truth)

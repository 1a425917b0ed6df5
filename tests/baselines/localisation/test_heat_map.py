"""The map: averages, flat maps, the filter, and the best windows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rsitmd_tools.baselines.localisation.heat_map import (
    average,
    best_slices,
    heat_map,
    map_step,
    median_filtered,
    normalised,
)
from rsitmd_tools.baselines.localisation.slices import Slice, slices_of

NAN = float("nan")


def test_scores_are_averaged_over_the_slices_that_cover_a_place() -> None:
    slices = [Slice(0, 0, 2), Slice(1, 0, 2), Slice(3, 0, 2)]
    values, covered = average(slices, np.array([1.0, 4.0, NAN]), 5, 2)
    assert values.tolist() == [[1, 2.5, 4, 0, 0]] * 2
    assert covered.tolist() == [[True, True, True, False, False]] * 2


@given(
    width=st.integers(16, 90),
    height=st.integers(16, 90),
    step=st.integers(1, 7),
    seed=st.integers(),
)
def test_a_coarse_map_is_the_fine_one_at_the_centres_of_its_pixels(
    width: int, height: int, step: int, seed: int
) -> None:
    slices = slices_of(width, height, [16])
    scores = np.random.default_rng(abs(seed)).random(len(slices))
    fine, _ = average(slices, scores, width, height)
    coarse, covered = average(slices, scores, width, height, step)
    assert covered.all()
    rows = np.minimum(((np.arange(coarse.shape[0]) + 0.5) * step).astype(int), height - 1)
    columns = np.minimum(((np.arange(coarse.shape[1]) + 0.5) * step).astype(int), width - 1)
    np.testing.assert_allclose(coarse, fine[np.ix_(rows, columns)])


def test_the_step_of_large_scenes() -> None:
    assert map_step(3000, 2000) == 1
    assert map_step(10_000, 10_000) == 4
    assert map_step(10_000, 10_000, 100) == 1000


def test_normalised() -> None:
    covered = np.array([[True, True, True, False]])
    values = np.array([[-2, 0, 2, 0]], np.float32)
    assert normalised(values, covered).tolist() == [[0, 0.5, 1, 0]]
    flat = np.array([[0.3, 0.3 + 1e-8, 0.3, 0]], np.float32)
    assert not normalised(flat, covered).any()
    assert not normalised(values, covered & False).any()


def test_the_median_removes_what_is_narrower_than_half_of_it() -> None:
    values = np.zeros((600, 600), np.float32)
    values[:, :300] = 1
    values[100:140, 100:140] = 0
    covered = np.ones(values.shape, np.bool_)
    found = median_filtered(values, covered)
    assert found[:, :300].all()
    assert not found[:, 300:].any()
    coarse = median_filtered(values[::4, ::4].copy(), covered[::4, ::4].copy(), 4)
    assert np.array_equal(coarse, found[::4, ::4])
    covered[0, 0] = False
    assert median_filtered(values, covered)[0, 0] == 0


def test_places_without_data_do_not_change_the_median_beside_them() -> None:
    values = np.zeros((400, 400), np.float32)
    covered = np.zeros(values.shape, np.bool_)
    covered[100:300, 100:228] = True
    values[100:200, 100:228] = 0.2
    values[200:300, 100:228] = 1
    found = median_filtered(values, covered)
    alone = median_filtered(values[100:300, 100:228].copy(), np.ones((200, 128), np.bool_))
    assert np.array_equal(found[100:300, 100:228], alone)
    assert alone.max() == 1
    assert not found[~covered].any()


def test_the_place_of_the_best_slices_is_the_brightest() -> None:
    slices = slices_of(1024, 1024, [128, 256])
    scores = np.array([float(one.x + one.size <= 512 and one.y >= 512) for one in slices])
    heat = heat_map(slices, scores, 1024, 1024)
    assert heat.values.max() == heat.values[700, 200] == 1
    assert heat.values[200, 700] == heat.values.min() == 0


def test_best_slices_are_in_different_places() -> None:
    slices = [Slice(0, 0, 4), Slice(1, 0, 4), Slice(2, 0, 4), Slice(0, 0, 2), Slice(9, 9, 2)]
    scores = np.array([5.0, 4, 3, 2, NAN])
    # The second shares 3/4 with the first; the third only half; the fourth lies in the first.
    assert best_slices(slices, scores, 5) == [0, 2]
    assert best_slices(slices, scores, 1) == [0]


def test_a_tie_goes_to_the_first_slice() -> None:
    slices = [Slice(0, 0, 4), Slice(8, 0, 4)]
    assert best_slices(slices, np.array([1.0, 1.0]), 2) == [0, 1]

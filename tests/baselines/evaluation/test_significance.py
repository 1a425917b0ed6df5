"""The test of Fisher, Holm's correction, and intervals over runs."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rsitmd_tools.baselines.evaluation.queries import Queries
from rsitmd_tools.baselines.evaluation.significance import (
    contributions,
    difference_interval,
    exchanges,
    fisher,
    holm,
    mean_interval,
)


def test_fisher_is_the_share_of_all_exchanges() -> None:
    differences = np.array([[0.3, 0.1], [0.2, -0.1], [-0.05, 0.2], [0.4, 0.0], [0.1, 0.05]])
    signs = np.array(list(itertools.product((1, -1), repeat=5)))
    exact = (np.abs(signs @ differences) >= np.abs(differences.sum(0)) - 1e-12).mean(0)
    assert fisher(differences, seed=0, randomisations=40_000) == pytest.approx(exact, abs=0.01)


def test_equal_systems_do_not_differ_and_the_seed_decides() -> None:
    assert fisher(np.zeros((10, 1)), seed=0, randomisations=100) == 1
    differences = np.random.default_rng(0).normal(size=(50, 1))
    assert fisher(differences, 1) == fisher(differences, 1)


def test_p_values_are_uniform_under_the_null_hypothesis() -> None:
    differences = np.random.default_rng(1).normal(size=(60, 400))
    p = fisher(differences, seed=2, randomisations=2000)
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert fisher(differences + 1, seed=2, randomisations=2000).max() < 0.01


@pytest.mark.parametrize("comparisons", [1, 200, 1035, 4950])
def test_a_clear_difference_can_be_decided_among_many_comparisons(comparisons: int) -> None:
    smallest = np.full(comparisons, 1 / (exchanges(comparisons) + 1))
    assert holm(smallest).max() <= 0.01
    assert exchanges(comparisons) >= 20_000


def test_one_clear_difference_among_those_of_46_systems_is_found() -> None:
    differences = np.random.default_rng(3).normal(size=(40, 1035))
    differences[:, 0] += 3
    corrected = holm(fisher(differences, seed=0))
    assert corrected[0] <= 0.01
    assert corrected[1:].min() > 0.05


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_against_scipys_and_its_definition(p: list[float]) -> None:
    corrected = holm(np.array(p))
    order = sorted(range(len(p)), key=p.__getitem__)
    highest = 0.0
    for step, place in enumerate(order):
        highest = max(highest, (len(p) - step) * p[place])
        assert corrected[place] == pytest.approx(min(highest, 1))


def test_contributions_add_up_to_the_mean_recall() -> None:
    random = np.random.default_rng(0)
    owners = np.array([0, 1, 1, 1, 2, 2])
    image, text = random.random((3, 3)), random.random((6, 3))
    queries = Queries(("a", "b", "c"), image, text, owners, np.zeros(6, int))
    mean = np.concatenate([image.mean(0), text.mean(0)]).mean()
    assert contributions(queries, image, text).sum() == pytest.approx(mean)


def test_intervals_over_runs_are_those_of_student_and_welch() -> None:
    one, two = np.array([50.0, 51.0, 53.0]), np.array([48.0, 48.5, 49.5, 47.0])
    expected = stats.t.interval(0.95, 2, one.mean(), stats.sem(one))
    assert mean_interval(one) == pytest.approx(expected)
    low, high = difference_interval(one, two) or (0, 0)
    welch = stats.ttest_ind(one, two, equal_var=False).confidence_interval(0.95)
    assert (low, high) == pytest.approx((welch.low, welch.high))
    assert (low > 0) == (stats.ttest_ind(one, two, equal_var=False).pvalue < 0.05)
    assert mean_interval(one[:1]) is None
    assert difference_interval(one[:1], two) is None
    assert difference_interval(np.array([2.0, 2.0]), np.array([1.0, 1.0])) == (1, 1)


def test_intervals_over_runs_end_where_percentages_end() -> None:
    high, low = np.array([80.0, 99.0]), np.array([1.0, 9.0])
    assert stats.t.interval(0.95, 1, high.mean(), stats.sem(high))[1] > 100
    assert mean_interval(high) == (pytest.approx(0), 100)
    assert mean_interval(low) == (0, pytest.approx(5 + 12.706 * 4, abs=0.01))
    assert difference_interval(np.array([99.0, 1.0]), np.array([60.0, 41.0])) == (-100, 100)


@pytest.mark.filterwarnings("error")
def test_equal_runs_have_no_deviation_and_no_warning() -> None:
    equal, other = np.array([61.4286] * 3), np.array([59.0476, 63.3333])
    assert equal.std() > 0  # rounding
    assert mean_interval(equal) == (equal.mean(), equal.mean())
    assert difference_interval(equal, equal - 1) == (pytest.approx(1), pytest.approx(1))
    mean, half = equal.mean() - other.mean(), stats.t.ppf(0.975, 1) * stats.sem(other)
    assert difference_interval(equal, other) == pytest.approx((mean - half, mean + half))

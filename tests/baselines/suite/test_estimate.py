"""What is left of a suite, and which run is next within a budget."""

from __future__ import annotations

import pytest

from rsitmd_tools.baselines.suite.calibrate import Cost, cost_from
from rsitmd_tools.baselines.suite.estimate import Estimate
from rsitmd_tools.baselines.suite.plan import plan_runs
from rsitmd_tools.baselines.suite.schedule import Schedule

COSTS = {"vsepp": Cost(8, 2, 100, "one"), "m1": Cost(18, 2, 100, "one")}
PLAN = plan_runs(["vsepp", "m1"], [], [0, 1])


def test_what_runs_share_counts_once() -> None:
    estimate = Estimate(COSTS)
    assert estimate.next("vsepp") == 110
    assert estimate.all(PLAN) == 2 * 10 + 2 * 20 + 100
    estimate.measured("vsepp", 30)
    assert estimate.next("vsepp") == 30
    assert estimate.all(PLAN) == 2 * 30 + 2 * 20


def test_jobs_share_the_machine() -> None:
    estimate = Estimate(COSTS, jobs=2)
    assert estimate.one("vsepp") == 20
    assert estimate.all(PLAN) == Estimate(COSTS).all(PLAN)
    estimate.measured("vsepp", 30)  # beside another one
    assert estimate.all(PLAN) == (2 * 30 + 2 * 40) / 2


def test_an_unknown_cost() -> None:
    estimate = Estimate({"vsepp": COSTS["vsepp"]})
    assert estimate.next("m1") is None and estimate.all(PLAN) is None
    estimate.measured("m1", 5)
    assert estimate.next("m1") == 5


@pytest.mark.parametrize("document", [None, [], {}, {"training": "x"}, 3])
def test_a_cost_of_something_else(document: object) -> None:
    assert cost_from(document) is None
    assert cost_from(COSTS["m1"].as_dict()) == COSTS["m1"]


def test_a_budget_ends_a_suite_before_the_run_that_exceeds_it() -> None:
    now = [0.0]
    schedule = Schedule(list(PLAN), Estimate(COSTS), 145, lambda: now[0])
    first = schedule.next()
    assert first == PLAN[0]
    schedule.estimate.measured("vsepp", 10)
    now[0] = 110
    assert schedule.next() == PLAN[1]  # ends at 130
    now[0] = 130
    assert schedule.next() == PLAN[2]  # ends at 140
    now[0] = 140
    assert schedule.next() is None and schedule.todo == [PLAN[3]]
    now[0] = 0
    assert schedule.next() is None  # it stays over


def test_without_a_budget_all_runs_are_done() -> None:
    schedule = Schedule(list(PLAN), Estimate({}), None, lambda: 1e9)
    assert [schedule.next() for _ in PLAN] == PLAN
    assert schedule.next() is None

"""Execution of the runs of a suite, serial or parallel, within a budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rsitmd_tools.baselines.suite.estimate import Estimate
from rsitmd_tools.baselines.suite.plan import PlannedRun
from rsitmd_tools.baselines.suite.work import Outcome, Work, Workers, do_run
from rsitmd_tools.errors import RsitmdError

Clock = Callable[[], float]


@dataclass(slots=True)
class Schedule:
    """The order of the runs, and the budget.

    Attributes:
        todo: The runs that have not started, in order.
        estimate: Expected seconds.
        budget: Seconds after which no run should still be running; None for no limit.
        clock: Seconds since the suite was started.
        over: Whether the budget has ended the suite.
    """

    todo: list[PlannedRun]
    estimate: Estimate
    budget: float | None
    clock: Clock
    over: bool = field(default=False, init=False)

    def next(self) -> PlannedRun | None:
        """Take the next run; return None at the end, or if the run would exceed the budget."""
        if not self.todo or self.over:
            return None
        # Without an estimate, only the time that has passed counts.
        seconds = self.estimate.next(self.todo[0].name) or 0.0
        if self.budget is not None and self.clock() + seconds > self.budget:
            self.over = True
            return None
        return self.todo.pop(0)


def do_all(
    schedule: Schedule, work: Work, jobs: int, report: Callable[[Outcome], None]
) -> list[Outcome]:
    """Execute the runs of a schedule; continue if one fails.

    Args:
        schedule: The runs, and when to stop.
        work: What all runs have in common.
        jobs: Number of parallel runs. If it is above 1, each run has its own process.
        report: Called at the end of each run.

    Returns:
        The outcomes of all runs that were started.

    Raises:
        RsitmdError: The disk is full.
    """
    outcomes = []
    for outcome in _serial(schedule, work) if jobs == 1 else _parallel(schedule, work, jobs):
        outcomes.append(outcome)
        if outcome.error is None:
            schedule.estimate.measured(outcome.run.name, outcome.seconds)
        report(outcome)
        if outcome.disk_full:
            raise RsitmdError(
                f"{outcome.run.label} failed: {outcome.error}",
                where=work.folder,
                hint="free some space and run the same command again",
            )
    return outcomes


def _serial(schedule: Schedule, work: Work) -> Iterator[Outcome]:
    while (run := schedule.next()) is not None:
        yield do_run(run, work)


def _parallel(schedule: Schedule, work: Work, jobs: int) -> Iterator[Outcome]:
    with Workers(work, jobs) as workers:
        while True:
            while workers.free and (run := schedule.next()) is not None:
                workers.start(run)
            if not workers.running:
                return
            yield from workers.ended()


def seconds_since(start: float) -> Clock:
    """Return a clock that counts from a value of ``time.monotonic``."""
    return lambda: time.monotonic() - start

"""What is left of a suite, from the calibration and from the runs that are finished."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from rsitmd_tools.baselines.suite.calibrate import Cost
from rsitmd_tools.baselines.suite.plan import PlannedRun


class Estimate:
    """Expected seconds of runs.

    Jobs share the machine: each of N runs at once takes N times as long as calibrated. A
    finished run replaces the calibration of its configuration.

    Args:
        costs: The calibrated costs, by name of configuration.
        jobs: Number of runs at once.
    """

    def __init__(self, costs: Mapping[str, Cost], jobs: int = 1) -> None:
        self._costs = costs
        self._jobs = jobs
        self._measured: dict[str, list[float]] = {}
        self._shared: set[str] = set()

    def measured(self, name: str, seconds: float) -> None:
        """Take the seconds of a run, without what runs share."""
        self._measured.setdefault(name, []).append(seconds)
        if name in self._costs:
            self._shared.add(self._costs[name].shares)

    def one(self, name: str) -> float | None:
        """Return the seconds of one run, without what runs share; None if they are unknown."""
        if name in self._measured:
            return fmean(self._measured[name])
        cost = self._costs.get(name)
        return None if cost is None else self._jobs * (cost.training + cost.evaluation)

    def next(self, name: str) -> float | None:
        """Return the seconds of the next run, with what it makes for the others."""
        seconds = self.one(name)
        return None if seconds is None else seconds + self.shared([name])

    def shared(self, names: Iterable[str]) -> float:
        """Return the seconds of what runs share and is not made yet."""
        costs = [self._costs[name] for name in names if name in self._costs]
        each = {cost.shares: cost.shared for cost in costs if cost.shares not in self._shared}
        return sum(each.values())

    def all(self, runs: Sequence[PlannedRun]) -> float | None:
        """Return the seconds of all these runs; None if those of one are unknown."""
        each = [self.one(run.name) for run in runs]
        known = [seconds for seconds in each if seconds is not None]
        if len(known) < len(each):
            return None
        return sum(known) / self._jobs + self.shared({run.name for run in runs})

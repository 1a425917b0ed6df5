"""A suite from its plan to its table."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from rsitmd_tools.atomic import check_writable, write_json
from rsitmd_tools.baselines.device import accelerator
from rsitmd_tools.baselines.evaluated_runs import EvaluatedRun
from rsitmd_tools.baselines.suite.calibrate import Cost, calibrate, cost_from
from rsitmd_tools.baselines.suite.estimate import Estimate
from rsitmd_tools.baselines.suite.folder import Checksums, SuiteFolder
from rsitmd_tools.baselines.suite.outputs import Done, notes_of, write_results, write_tables
from rsitmd_tools.baselines.suite.plan import PlannedRun, check_plan
from rsitmd_tools.baselines.suite.schedule import Schedule, do_all, seconds_since
from rsitmd_tools.baselines.suite.work import Outcome, Work
from rsitmd_tools.baselines.training.callbacks import format_duration
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError, count_of
from rsitmd_tools.formats.rsitmd import load_document
from rsitmd_tools.provenance import machine

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """How a suite is run. Nothing here affects the results.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        jobs: Number of runs at once.
        budget: Seconds after which no run should still be running; None for no limit.
        cache: Folder for decoded images and features. By default a folder in the suite, which
            is removed when all runs are finished.
    """

    device: str = "auto"
    jobs: int = 1
    budget: float | None = None
    cache: Path | None = None


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """How a suite ended.

    Attributes:
        comparison: As from ``benchmark compare --json``; None if no run is finished.
        runs: Folders of the finished runs; the folder of a configuration if all its runs are in
            the plan.
        failed: The runs that failed.
        left: The runs that the budget left.
        notes: What a reader of the results must know about the runs, such as those that failed.
    """

    comparison: dict[str, Any] | None
    runs: Sequence[Path]
    failed: Sequence[Outcome]
    left: Sequence[PlannedRun]
    notes: Sequence[str] = ()


@dataclass(slots=True)
class Suite:
    """The runs of a plan on a dataset, in a folder.

    Attributes:
        dataset: The dataset.
        plan: The runs, at least one.
        folder: OUT.
        options: How it is run.
        report: Called with each line about the progress.
    """

    dataset: Dataset
    plan: Sequence[PlannedRun]
    folder: Path
    options: SuiteOptions
    report: Report
    _started: float = field(default_factory=time.monotonic, init=False)
    _done: dict[PlannedRun, EvaluatedRun] = field(default_factory=dict, init=False)
    _failed: set[PlannedRun] = field(default_factory=set, init=False)
    _checksums: Checksums = field(init=False)

    def dry_run(self) -> tuple[list[str], bool]:
        """Return the plan as lines, and whether all configurations could be calibrated.

        Nothing is written.

        Raises:
            RsitmdError: See :func:`check_plan` and :meth:`SuiteFolder.check`.
        """
        place = self._checked()
        place.check(self.plan, self.dataset)
        self._find_done(place)
        costs = self._calibrated(place)
        return self._lines(self._estimate(costs)), len(costs) == len(self._names)

    def run(self, show: Report) -> SuiteResult:
        """Do all runs that are not finished, and write results and tables.

        Args:
            show: Called with each line of the plan.

        Raises:
            RsitmdError: Another command runs this suite, the disk is full, or no run fits the
                budget; see :meth:`dry_run` for others.
        """
        place = self._checked()
        with place.opened(self.plan, self.dataset):
            self._find_done(place)
            costs = self._calibrated(place)
            kept = self._recorded(place) | costs
            write_json(
                place.times_file,
                {
                    "machine": self._machine(),
                    "costs": {name: cost.as_dict() for name, cost in kept.items()},
                },
            )
            estimate = self._estimate(costs)
            for line in self._lines(estimate):
                show(line)
            schedule = Schedule(
                self._todo, estimate, self.options.budget, seconds_since(self._started)
            )
            outcomes = do_all(
                schedule,
                self._work(place),
                self.options.jobs,
                lambda outcome: self._ended(place, estimate, outcome),
            )
            return self._result(place, outcomes, schedule.todo)

    def _checked(self) -> SuiteFolder:
        check_plan(self.plan, self.dataset, self.options.device)
        if self.options.cache is not None:
            check_writable(self.options.cache, "use another folder for --cache")
        return SuiteFolder(self.folder)

    @property
    def _names(self) -> list[str]:
        return list(dict.fromkeys(run.name for run in self.plan))

    @property
    def _todo(self) -> list[PlannedRun]:
        return [run for run in self.plan if run not in self._done]

    def _find_done(self, place: SuiteFolder) -> None:
        self._checksums = Checksums.of(self.plan, self.dataset)
        found = {run: place.finished(run, self._checksums) for run in self.plan}
        self._done = {run: result for run, result in found.items() if result is not None}

    def _machine(self) -> dict[str, Any]:
        return machine(accelerator(self.options.device))

    def _calibrated(self, place: SuiteFolder) -> dict[str, Cost]:
        """Return the cost of each configuration, measured unless the folder has it."""
        known = self._recorded(place)
        missing = [name for name in self._names if name not in known]
        if missing:
            self.report(f"calibrating {', '.join(missing)}")
        return calibrate(self.plan, self.dataset, self.options.device, known, self.report)

    def _recorded(self, place: SuiteFolder) -> dict[str, Cost]:
        """Return the costs that the folder has of this machine."""
        if not place.times_file.exists():
            return {}
        document = load_document(place.times_file)
        if not isinstance(document, dict) or document.get("machine") != self._machine():
            return {}
        costs = document.get("costs")
        if not isinstance(costs, dict):
            return {}
        found = {name: cost_from(cost) for name, cost in costs.items()}
        return {name: cost for name, cost in found.items() if cost is not None}

    def _estimate(self, costs: dict[str, Cost]) -> Estimate:
        estimate = Estimate(costs, self.options.jobs)
        for planned, run in self._done.items():
            evaluation = costs[planned.name].evaluation if planned.name in costs else 0.0
            estimate.measured(planned.name, run.manifest["finished"]["seconds"] + evaluation)
        return estimate

    def _lines(self, estimate: Estimate) -> list[str]:
        """Return the plan with its estimate, as text."""
        todo, jobs = self._todo, self.options.jobs
        train, test = (len(self.dataset.select(split)) for split in ("train", "test"))
        lines = [
            f"{count_of(len(self._names), 'configuration')}, {count_of(len(self.plan), 'run')} on "
            f"{self.dataset.name} ({train} training and {test} test images): "
            f"{len(self._done)} finished, {len(todo)} left",
            f"{'configuration':24} {'runs':>5} {'left':>5} {'one run':>9} {'all left':>9}",
        ]
        for name in self._names:
            left = [run for run in todo if run.name == name]
            one = estimate.one(name)
            times = ("unknown", "unknown" if left else "–")
            if one is not None:
                times = _duration(one), _duration(one * len(left) / jobs) if left else "–"
            count = sum(run.name == name for run in self.plan)
            lines.append(f"{name:24} {count:5} {len(left):5} {times[0]:>9} {times[1]:>9}")
        shared = estimate.shared({run.name for run in todo})
        if shared:
            lines.append(f"decoding images and computing features once: {_duration(shared)}")
        seconds = estimate.all(todo)
        if todo:
            at_once = f", {jobs} at once" if jobs > 1 else ""
            duration = "unknown" if seconds is None else f"about {_duration(seconds)}"
            lines.append(f"estimate: {duration} for {count_of(len(todo), 'run')}{at_once}")
        return lines

    def _work(self, place: SuiteFolder) -> Work:
        jobs = self.options.jobs
        threads = None if jobs == 1 else max(1, torch.get_num_threads() // jobs)
        cache = self.options.cache or place.cache
        return Work(self.dataset, self.folder, cache, self._checksums, self.options.device, threads)

    def _ended(self, place: SuiteFolder, estimate: Estimate, outcome: Outcome) -> None:
        run = outcome.run
        if outcome.error is not None:
            self._failed.add(run)
            self.report(f"{run.label} failed: {outcome.error}")
            return
        finished = place.finished(run, self._checksums)
        assert finished is not None  # it was trained and evaluated a moment ago
        self._done[run] = finished
        write_results(self.folder, self._in_order())
        todo = [each for each in self._todo if each not in self._failed]
        seconds = estimate.all(todo)
        left = "" if not todo or seconds is None else f", about {_duration(seconds)} left"
        self.report(
            f"{run.label}: test mR {finished.result['mean_recall']:.2f}; "
            f"{len(self._done)} of {count_of(len(self.plan), 'run')} finished{left}"
        )

    def _in_order(self) -> list[tuple[PlannedRun, EvaluatedRun]]:
        """Return the finished runs, those of a configuration together."""
        return [
            (run, self._done[run])
            for name in self._names
            for run in self.plan
            if run.name == name and run in self._done
        ]

    def _result(
        self, place: SuiteFolder, outcomes: Sequence[Outcome], left: Sequence[PlannedRun]
    ) -> SuiteResult:
        failed = [outcome for outcome in outcomes if outcome.error is not None]
        done = self._in_order()
        if not done:
            if not failed:
                raise RsitmdError(
                    "no run fits into the budget",
                    where=self.folder,
                    hint="use a larger --budget, fewer epochs or smaller images",
                )
            return SuiteResult(None, (), failed, left)
        write_results(self.folder, done)
        missing = [f"{outcome.run.label} (failed: {outcome.error})" for outcome in failed]
        missing += [f"{run.label} (beyond the budget)" for run in left]
        notes = notes_of(done, missing)
        comparison = write_tables(self.folder, done, notes)
        if len(done) == len(self.plan):
            shutil.rmtree(place.cache, ignore_errors=True)
        return SuiteResult(comparison, _folders(done), failed, left, notes)


def _duration(seconds: float) -> str:
    return format_duration(max(1.0, seconds))


def _folders(done: Done) -> list[Path]:
    """Return what to show as systems: folders of runs over seeds and folds, or single runs."""
    runs = [run.folder for _, run in done]
    found: list[Path] = []
    for parent in dict.fromkeys(run.parent for run in runs):
        own = [run for run in runs if run.parent == parent]
        there = {file.parent for file in parent.glob("*/result.json")}
        found += [parent] if there == set(own) else own
    return found

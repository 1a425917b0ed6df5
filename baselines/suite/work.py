"""One run of a suite: trained and evaluated, in this process or in one of several."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import torch

from rsitmd_tools.atomic import FULL
from rsitmd_tools.baselines.data.mapped import one_writer
from rsitmd_tools.baselines.evaluation.evaluate import EvaluationOptions, evaluate
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.baselines.suite.calibrate import error_line
from rsitmd_tools.baselines.suite.folder import Checksums
from rsitmd_tools.baselines.suite.plan import PlannedRun
from rsitmd_tools.baselines.training.train import Options, train
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.imaging.pool import end_with_parent

# The exit code of a process that a Ctrl-C ends.
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Work:
    """What all runs of a suite have in common.

    Attributes:
        dataset: The dataset.
        folder: OUT.
        cache: Decoded images and features of all runs.
        checksums: Those of the dataset when the suite was started.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: Number of threads of each run; None for all.
    """

    dataset: Dataset
    folder: Path
    cache: Path
    checksums: Checksums
    device: str = "auto"
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        run: The run.
        error: Why it failed, as one line; None if it did not.
        seconds: Seconds of training and evaluation, without what runs share.
        disk_full: Whether it failed because the disk is full, so the next one would, too.
    """

    run: PlannedRun
    error: str | None = None
    seconds: float = 0.0
    disk_full: bool = False


def do_run(planned: PlannedRun, work: Work) -> Outcome:
    """Train a run, or what is left of it, and evaluate it.

    Args:
        planned: The run.
        work: What all runs have in common.
    """
    folder = work.folder / planned.place
    options = Options(resume=True, device=work.device, workers=work.threads, cache=work.cache)
    try:
        # A process that a killed suite left may still write.
        with one_writer(folder):
            train(work.dataset, planned.config, folder, options)
            began = time.perf_counter()
            result = evaluate(folder, work.dataset, options=EvaluationOptions(device=work.device))
            evaluation = time.perf_counter() - began
        manifest = Run(folder).manifest()
        if not work.checksums.are_those_of(manifest, result):
            raise RsitmdError(
                "image files of the dataset were changed while the suite was running",
                where=folder,
                hint="restore them, remove this folder and run the same command again",
            )
        seconds = float(manifest["finished"]["seconds"])
        return Outcome(planned, seconds=seconds + evaluation)
    except Exception as error:
        logging.getLogger(__name__).debug("%s failed", planned.label, exc_info=True)
        full = _disk_is_full(error)  # which ends the suite, with a hint of its own
        return Outcome(planned, error_line(error, hint=not full), disk_full=full)


def _disk_is_full(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


@dataclass(slots=True)
class _Worker:
    process: ForkServerProcess
    pipe: Connection
    run: PlannedRun | None = None


@dataclass(slots=True)
class Workers:
    """Processes that do one run at a time each.

    Attributes:
        work: What all runs have in common.
        count: Number of processes.
    """

    work: Work
    count: int
    _all: list[_Worker] = field(default_factory=list)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        """End all processes; what a run has finished is kept."""
        for worker in self._all:
            worker.process.kill()
        for worker in self._all:
            worker.process.join()
            worker.pipe.close()
        self._all.clear()

    @property
    def free(self) -> bool:
        """Whether another run can be started."""
        return len(self.running) < self.count

    @property
    def running(self) -> Sequence[PlannedRun]:
        """The runs that were started and have not ended."""
        return [worker.run for worker in self._all if worker.run is not None]

    def start(self, run: PlannedRun) -> None:
        """Start a run, in a process that is free or in a new one."""
        worker = next((each for each in self._all if each.run is None), None)
        if worker is None:
            worker = self._new()
        worker.run = run
        # A process that has ended is found by the next call of ended().
        with contextlib.suppress(OSError):
            worker.pipe.send(run)

    def ended(self) -> Iterator[Outcome]:
        """Wait until a run has ended; yield its outcome, and those of others that have."""
        busy = [worker for worker in self._all if worker.run is not None]
        ready = wait([worker.pipe for worker in busy])
        for worker in busy:
            if worker.pipe not in ready:
                continue
            run = worker.run
            assert run is not None
            try:
                outcome: Outcome = worker.pipe.recv()
            except (EOFError, OSError):
                worker.process.join()
                worker.pipe.close()
                self._all.remove(worker)
                code = worker.process.exitcode
                outcome = Outcome(run, f"its process ended with code {code}{_often(code)}")
            worker.run = None
            yield outcome

    def _new(self) -> _Worker:
        context = get_context("forkserver")
        # The modules are imported once, not by each process.
        context.set_forkserver_preload([__name__])
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self.work), daemon=True)
        process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._all.append(worker)
        return worker


def _often(code: int | None) -> str:
    return " (often: out of memory)" if code == -9 else ""


def _serve(pipe: Connection, work: Work) -> None:
    """Do the runs that come through a pipe, until it is closed."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    if work.threads is not None:
        torch.set_num_threads(work.threads)
    try:
        while True:
            planned = pipe.recv()
            folder = work.folder / planned.place
            folder.parent.mkdir(parents=True, exist_ok=True)
            log = folder.parent / f"{folder.name}.log"
            with (
                log.open("a", encoding="utf-8") as stream,
                contextlib.redirect_stderr(stream),
                contextlib.redirect_stdout(stream),
            ):
                outcome = do_run(planned, work)
            pipe.send(outcome)
    except (EOFError, BrokenPipeError):
        return
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)

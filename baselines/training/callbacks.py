"""Callbacks of the training: metrics file, progress lines or bar, time estimate, Ctrl-C."""

from __future__ import annotations

import contextlib
import csv
import io
import logging
import math
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger

from rsitmd_tools.atomic import write_text
from rsitmd_tools.baselines.evaluated_runs import HISTORY
from rsitmd_tools.baselines.run import Run
from rsitmd_tools.errors import count_of

# The first steps fill caches and allocators, so they are not representative.
WARM_UP_STEPS = 5
# Loggers that do not inherit the level of their parent.
SEPARATE_LOGGERS = (
    "lightning.pytorch.utilities.rank_zero",
    "lightning.fabric.utilities.distributed",
)


class MetricsFile(Callback):
    """Write RUN/metrics.csv, and one line per epoch to stderr if it is not a terminal.

    Lightning calls ``on_train_epoch_end`` of callbacks before that of the module, which
    validates. So an epoch is written when the next one starts or the training ends.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._written = 0

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Write the metrics of the previous epoch."""
        self._write(trainer, pl_module)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Write the metrics of the last epoch."""
        self._write(trainer, pl_module)

    def _write(self, trainer: Any, module: Any) -> None:
        if not trainer.is_global_zero or len(module.history) == self._written:
            return
        self._written = len(module.history)
        write_metrics(self._run, module.history)
        if not sys.stderr.isatty():
            last = module.history[-1]
            recall = last["val_mean_recall"]
            validation = "" if math.isnan(recall) else f", validation mR {recall:.2f}"
            epoch = f"epoch {last['epoch'] + 1}/{trainer.max_epochs}"
            _report(f"{epoch}: loss {last['loss']:.3f}{validation}")


def silence_libraries() -> None:
    """Hide hints and warnings of Lightning and torch in this process."""
    for name in ("lightning.pytorch", "lightning.fabric", *SEPARATE_LOGGERS):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    # The user must know that results may differ from run to run.
    warnings.filterwarnings("default", message=".*deterministic")


class Quiet(Callback):
    """Hide hints and warnings in processes that Lightning spawns, too.

    Such a process unpickles its callbacks before Lightning writes anything.
    """

    def __init__(self) -> None:
        # An object without state would be unpickled without calling __setstate__.
        self.spawned = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, spawned=True)
        silence_libraries()


class Interrupt(Callback):
    """Make sure that no Ctrl-C is lost.

    Python ignores exceptions raised in a destructor, and at the end of each epoch a destructor
    waits for the thread that prepares batches. An ignored Ctrl-C is raised again at the next batch.
    """

    def __init__(self) -> None:
        self._requested = False

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Install the signal handler, which :func:`handlers_restored` removes."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._handle)

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop if a Ctrl-C was ignored."""
        if self._requested:
            raise KeyboardInterrupt

    def _handle(self, number: int, frame: Any) -> None:
        self._requested = True
        raise KeyboardInterrupt


@contextlib.contextmanager
def handlers_restored() -> Iterator[None]:
    """Restore the handlers of Ctrl-C and SIGTERM at the end of the block.

    Lightning restores them after an error only, to those that it found after ``on_fit_start``.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can set handlers
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # not one of Python
                signal.signal(number, handler)


@contextlib.contextmanager
def _interrupted_after() -> Iterator[None]:
    """Handle a Ctrl-C of the block at its end."""
    before = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or not callable(before):
        yield  # only the main thread can set handlers, and who ignores Ctrl-C still does
        return
    received = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: received.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if received.is_set():
        before(signal.SIGINT, None)


class Logger(TensorBoardLogger):
    """Writes the logs of TensorBoard; a Ctrl-C waits for a call to end.

    A thread writes what a call puts into a queue. A Ctrl-C inside the queue can leave it in a
    state in which the thread never wakes up, and the end of the training waits for the thread.
    """

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Queue the metrics of a step."""
        with _interrupted_after():
            super().log_metrics(metrics, step)

    def log_hyperparams(self, *arguments: Any, **options: Any) -> None:
        """Queue the settings."""
        with _interrupted_after():
            super().log_hyperparams(*arguments, **options)

    def save(self) -> None:
        """Write what is queued."""
        with _interrupted_after():
            super().save()


class Speed(Callback):
    """Measure images per second, and report an estimate of the duration after the first steps.

    The clock is stopped between epochs, so validation and checkpoints are not measured. A GPU
    works behind the program, so the clock waits for it when it starts and stops.

    Args:
        images: Number of pairs in an epoch.
        runs: Number of similar runs to come, including this one.
    """

    def __init__(self, images: int, runs: int = 1) -> None:
        self._images = images
        self._runs = runs
        self._seen = 0
        self._seconds = 0.0
        self._since: float | None = None
        self._warm = False
        self._reported = False

    @property
    def images_a_second(self) -> float | None:
        """Images per second since the warm-up; None during the warm-up.

        Within an epoch, a GPU may still have to do a part of the work.
        """
        running = 0.0 if self._since is None else time.perf_counter() - self._since
        return self._seen / (self._seconds + running) if self._seen else None

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Start the clock."""
        if self._warm:
            self._since = _now()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Stop the clock; the module validates after this call."""
        if self._since is not None:
            self._seconds += _now() - self._since
            self._since = None

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count the images of a batch."""
        if not self._warm:
            if batch_idx + 1 >= min(WARM_UP_STEPS, trainer.num_training_batches - 1):
                self._warm = True
                self._since = _now()
            return
        self._seen += len(batch.images)
        if not self._reported and batch_idx >= min(
            2 * WARM_UP_STEPS, trainer.num_training_batches - 1
        ):
            self._reported = True
            self._estimate(trainer)

    def _estimate(self, trainer: Any) -> None:
        _now()
        rate = self.images_a_second
        if rate is None or not trainer.is_global_zero:
            return
        epochs = trainer.max_epochs - trainer.current_epoch
        seconds = epochs * self._images / rate
        digits = 0 if rate >= 10 else 1
        line = f"{rate:.{digits}f} images/s: about {format_duration(seconds)} for "
        line += count_of(epochs, "epoch")
        if self._runs > 1:
            seconds += (self._runs - 1) * trainer.max_epochs * self._images / rate
            line += f", {format_duration(seconds)} for {self._runs} runs"
        _report(f"{line} (time of validation not included)")


class Bar(TQDMProgressBar):
    """A progress bar with images per second."""

    def __init__(self, speed: Speed) -> None:
        super().__init__()
        self._speed = speed

    def get_metrics(self, trainer: Any, pl_module: Any) -> dict[str, Any]:
        """Return the metrics that the bar shows."""
        shown: dict[str, Any] = dict(super().get_metrics(trainer, pl_module))
        shown.pop("v_num", None)
        rate = self._speed.images_a_second
        if rate is not None:
            shown["images/s"] = f"{rate:.0f}"
        return shown


def write_metrics(run: Run, history: Sequence[Mapping[str, float]]) -> None:
    """Write the history of a run as CSV."""
    table = io.StringIO()
    writer = csv.DictWriter(table, HISTORY, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(run.metrics_file, table.getvalue())


def _now() -> float:
    """Return the time at which all work given to a GPU so far is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def format_duration(seconds: float) -> str:
    """Format a duration as ``40 s``, ``12 min`` or ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _report(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

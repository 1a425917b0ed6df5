"""What is said while a model trains: metrics as a file, lines, a bar, an estimate."""

from __future__ import annotations

import csv
import io
import logging
import math
import signal
import sys
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from lightning.pytorch.callbacks import Callback, TQDMProgressBar

from rsitmd_tools.atomic import write_text
from rsitmd_tools.baselines.run import Run

# The first steps warm up caches and allocators: they say little of the others.
FIRST_STEPS = 5
# Loggers with a level of their own.
CHATTY = ("lightning.pytorch.utilities.rank_zero", "lightning.fabric.utilities.distributed")
COLUMNS = ("epoch", "loss", "val_mean_recall")


class Metrics(Callback):
    """Write the history beside the checkpoints, and lines to stderr without a terminal.

    Callbacks hear of an epoch's end before the module has validated; so the line of an
    epoch is written when the next one starts, or the training ends.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._written = 0

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Write what the epoch before gave."""
        self._write(trainer, pl_module)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Write what the last epoch gave."""
        self._write(trainer, pl_module)

    def _write(self, trainer: Any, module: Any) -> None:
        if not trainer.is_global_zero or len(module.history) == self._written:
            return
        self._written = len(module.history)
        write_metrics(self._run, module.history)
        if not sys.stderr.isatty():
            last = module.history[-1]
            recall = last["val_mean_recall"]
            found = "" if math.isnan(recall) else f", validation mR {recall:.2f}"
            _say(f"epoch {last['epoch'] + 1}/{trainer.max_epochs}: loss {last['loss']:.3f}{found}")


def keep_advice_out() -> None:
    """Keep the advice of Lightning and torch out of our output, in this process."""
    for name in ("lightning.pytorch", "lightning.fabric", *CHATTY):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    # Where results may differ from run to run, people must hear of it.
    warnings.filterwarnings("default", message=".*deterministic")


class Quiet(Callback):
    """Keep advice out of the output of processes that Lightning spawns, too.

    Such a process reads its callbacks before Lightning says anything in it.
    """

    def __init__(self) -> None:
        # Something to read: without any state an object is made and no more.
        self.spawned = False

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, spawned=True)
        keep_advice_out()


class Interrupt(Callback):
    """Let no Ctrl-C get lost.

    Python drops what is raised while an object is destroyed, and at the end of each epoch
    the loader's processes are awaited there. What was dropped is raised at the next batch.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: Any = None

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Listen; only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._hear)

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop where somebody asked for it."""
        if self._asked:
            raise KeyboardInterrupt

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Listen no more."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _hear(self, number: int, frame: Any) -> None:
        self._asked = True
        raise KeyboardInterrupt


class Speed(Callback):
    """Count images a second, and say after the first steps how long the run will take.

    The clock stands still between epochs: validation and checkpoints are no images.

    Args:
        images: Pairs of an epoch.
        runs: How many runs like this one are to come, itself included.
    """

    def __init__(self, images: int, runs: int = 1) -> None:
        self._images = images
        self._runs = runs
        self._seen = 0
        self._seconds = 0.0
        self._since: float | None = None
        self._warm = False
        self._said = False

    @property
    def images_a_second(self) -> float | None:
        """Images a second since the first steps; None before they are over."""
        running = 0.0 if self._since is None else time.perf_counter() - self._since
        return self._seen / (self._seconds + running) if self._seen else None

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Let the clock run."""
        if self._warm:
            self._since = time.perf_counter()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Stop the clock: callbacks hear of an epoch's end before the module validates."""
        if self._since is not None:
            self._seconds += time.perf_counter() - self._since
            self._since = None

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count a batch."""
        if not self._warm:
            if batch_idx + 1 >= min(FIRST_STEPS, trainer.num_training_batches - 1):
                self._warm = True
                self._since = time.perf_counter()
            return
        self._seen += len(batch[1]) * trainer.world_size
        if not self._said and batch_idx >= min(2 * FIRST_STEPS, trainer.num_training_batches - 1):
            self._said = True
            self._estimate(trainer)

    def _estimate(self, trainer: Any) -> None:
        rate = self.images_a_second
        if rate is None or not trainer.is_global_zero:
            return
        left = (trainer.max_epochs - trainer.current_epoch) * self._images / rate
        more = (self._runs - 1) * trainer.max_epochs * self._images / rate
        all_runs = f", {spoken(left + more)} for {self._runs} runs" if self._runs > 1 else ""
        _say(
            f"{rate:.0f} images a second: about {spoken(left)} for "
            f"{trainer.max_epochs - trainer.current_epoch} epochs{all_runs}, validation aside"
        )


class Bar(TQDMProgressBar):
    """A progress bar that shows images a second."""

    def __init__(self, speed: Speed) -> None:
        super().__init__()
        self._speed = speed

    def get_metrics(self, trainer: Any, pl_module: Any) -> dict[str, Any]:
        """Return the bar's figures."""
        shown: dict[str, Any] = dict(super().get_metrics(trainer, pl_module))
        shown.pop("v_num", None)
        rate = self._speed.images_a_second
        if rate is not None:
            shown["images/s"] = f"{rate:.0f}"
        return shown


def write_metrics(run: Run, history: Sequence[Mapping[str, float]]) -> None:
    """Write the history of a run as CSV."""
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(run.metrics_file, table.getvalue())


def spoken(seconds: float) -> str:
    """Return a duration as one says it: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

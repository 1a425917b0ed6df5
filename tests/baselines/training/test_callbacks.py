"""Callbacks of training."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger

from rsitmd_tools.baselines.training import callbacks
from rsitmd_tools.baselines.training.callbacks import (
    Bar,
    Interrupt,
    Logger,
    Speed,
    handlers_restored,
)


class Destroyed:
    """An object whose destructor receives Ctrl-C: Python ignores the exception."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_ctrl_c_that_python_ignores_stops_the_next_batch() -> None:
    before = signal.getsignal(signal.SIGINT)
    callback = Interrupt()
    with handlers_restored():
        callback.on_fit_start(None, None)
        callback.on_train_batch_start(None, None, None, 0)
        thing = Destroyed()
        del thing
        with pytest.raises(KeyboardInterrupt):
            callback.on_train_batch_start(None, None, None, 1)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("call", ["log_metrics", "log_hyperparams", "save"])
def test_a_ctrl_c_waits_until_the_log_is_queued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Within the queue, it could stop the thread that writes for ever."""
    finished = []

    def interrupted(*arguments: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass
        finished.append(call)

    monkeypatch.setattr(TensorBoardLogger, call, interrupted)
    before = signal.getsignal(signal.SIGINT)
    logger = Logger(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        getattr(logger, call)(*([{}] if call != "save" else []))
    assert finished == [call]
    assert signal.getsignal(signal.SIGINT) is before


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


class Trainer:
    """The attributes of a trainer that the callbacks use."""

    num_training_batches = 20
    world_size = 1
    max_epochs = 4
    current_epoch = 0
    is_global_zero = True


def run_epochs(speed: Speed, clock: Clock, epochs: int) -> None:
    """Run epochs of 20 batches of 10 images, half a second each, and validate for a minute."""
    trainer, batch = Trainer(), SimpleNamespace(images=range(10))
    for epoch in range(epochs):
        trainer.current_epoch = epoch
        speed.on_train_epoch_start(trainer, None)
        for step in range(20):
            clock.now += 0.5
            speed.on_train_batch_end(trainer, None, None, batch, step)
        speed.on_train_epoch_end(trainer, None)
        clock.now += 60


def test_images_per_second_exclude_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(callbacks, "time", clock)
    speed = Speed(200)
    assert speed.images_a_second is None
    run_epochs(speed, clock, 3)
    assert speed.images_a_second == pytest.approx(20)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [(1, "about 40 s for 4 epochs "), (3, "about 40 s for 4 epochs, 2 min for 3")],
)
def test_the_estimate_is_reported_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], runs: int, expected: str
) -> None:
    clock = Clock()
    monkeypatch.setattr(callbacks, "time", clock)
    run_epochs(Speed(200, runs), clock, 2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"20 images/s: {expected}")


def test_the_bar_shows_images_per_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(callbacks, "time", clock)
    monkeypatch.setattr(TQDMProgressBar, "get_metrics", lambda *_: {"v_num": 3, "loss": 1.0})
    speed = Speed(200)
    bar = Bar(speed)
    assert bar.get_metrics(None, None) == {"loss": 1.0}
    run_epochs(speed, clock, 1)
    assert bar.get_metrics(None, None) == {"loss": 1.0, "images/s": "20"}

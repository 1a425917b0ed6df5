"""Callbacks of training."""

from __future__ import annotations

import os
import signal

import pytest

from rsitmd_tools.baselines.training.callbacks import Interrupt


class Destroyed:
    """Somebody types Ctrl-C while it is destroyed: Python drops the exception."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_ctrl_c_that_python_drops_stops_the_next_batch() -> None:
    before = signal.getsignal(signal.SIGINT)
    callback = Interrupt()
    callback.on_fit_start(None, None)
    try:
        callback.on_train_batch_start(None, None, None, 0)
        thing = Destroyed()
        del thing
        with pytest.raises(KeyboardInterrupt):
            callback.on_train_batch_start(None, None, None, 1)
    finally:
        callback.teardown(None, None, "fit")
    assert signal.getsignal(signal.SIGINT) is before

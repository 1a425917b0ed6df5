"""The process pool, and generators that run ahead of their use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.imaging.pool import ahead_of_use, map_in_order


def test_results_are_made_before_they_are_read() -> None:
    made = threading.Event()

    def items(_stop: threading.Event) -> Generator[int]:
        yield from range(3)
        made.set()

    with ahead_of_use(items) as results:
        assert made.wait(10)
        assert list(results) == [0, 1, 2]


def test_an_error_comes_after_the_results_before_it() -> None:
    def items(_stop: threading.Event) -> Generator[int]:
        yield 1
        raise RsitmdError("is damaged")

    with ahead_of_use(items) as results:
        assert next(results) == 1
        with pytest.raises(RsitmdError, match="is damaged"):
            next(results)


def test_an_unused_generator_ends_with_the_block() -> None:
    closed = threading.Event()

    def endless(_stop: threading.Event) -> Generator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    with pytest.raises(RsitmdError, match="elsewhere"), ahead_of_use(endless) as results:
        assert list(islice(results, 2)) == [1, 1]
        raise RsitmdError("failed elsewhere")
    assert closed.is_set()


def test_a_preloaded_module_that_is_not_installed_is_left_out() -> None:
    names = [str(number) for number in range(4)]
    assert list(map_in_order(len, names, workers=2, preload=("no_such_module",))) == [1] * 4


def blas_threads(_: int) -> tuple[str, int]:
    """Return the setting, and the number of threads of this process that are not of Python."""
    table = np.ones((2000, 2000), np.float32)
    assert (table @ table)[0, 0] == 2000
    every = sum(1 for _ in Path("/proc/self/task").iterdir())
    return os.environ["OPENBLAS_NUM_THREADS"], every - threading.active_count()


def test_a_worker_multiplies_with_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import os, sys\n"
        "from rsitmd_tools.imaging.pool import map_in_order\n"
        "from tests.imaging.test_pool import blas_threads\n"
        "if __name__ == '__main__':\n"
        "    print(*map_in_order(blas_threads, range(2), workers=2))\n"
        "    print(os.environ.get('OPENBLAS_NUM_THREADS'))\n"
    )
    added = min(os.cpu_count() or 1, 2) - 1
    for setting, expected in ((None, ("1", 0)), ("2", ("2", added))):
        monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
        if setting is not None:
            monkeypatch.setenv("OPENBLAS_NUM_THREADS", setting)
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )
        workers, parent = done.stdout.splitlines()
        assert workers == f"{expected} {expected}"
        assert parent == str(setting)


def test_ctrl_c_does_not_divide_a_submit(monkeypatch: pytest.MonkeyPatch) -> None:
    submit, complete = ProcessPoolExecutor.submit, []

    def interrupted(self: ProcessPoolExecutor, *arguments: Any) -> Future[Any]:
        signal.raise_signal(signal.SIGINT)
        complete.append(submit(self, *arguments))
        return complete[-1]

    monkeypatch.setattr(ProcessPoolExecutor, "submit", interrupted)
    # A shell starts a background job with the signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(map_in_order(len, ["a"] * 40, workers=2))
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(complete) == 1


def test_work_that_nobody_waits_for_is_ended_with_the_block() -> None:
    with (
        pytest.raises(RsitmdError, match="elsewhere"),
        ahead_of_use(lambda stop: map_in_order(time.sleep, [3000, 3000], workers=2, stop=stop)),
    ):
        raise RsitmdError("failed elsewhere")

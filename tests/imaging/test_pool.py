"""The process pool, and generators that run ahead of their use."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Generator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from typing import Any

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

"""Progress on stderr: a bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")
SECONDS_BETWEEN_LINES = 5.0
_HIDDEN: ContextVar[bool] = ContextVar("hidden", default=False)


class Step(Protocol):
    """A callback for the progress of a long job."""

    def __call__(self, count: int = 1) -> None:
        """Report that ``count`` more units are done."""


@contextmanager
def progress(label: str, total: int | None, *, short: int = 0) -> Iterator[Step]:
    """Show the progress of one step.

    Args:
        label: Name of the step, such as ``ingest``.
        total: Number of units, or None if it is unknown.
        short: Nothing is shown for a total up to this number, which takes a second or two.
    """
    if (total is not None and total <= short) or _HIDDEN.get():
        yield lambda count=1: None
    elif sys.stderr.isatty():
        with _bar(label, total) as step:
            yield step
    else:
        with _lines(label, total) as step:
            yield step


@contextmanager
def no_progress() -> Iterator[None]:
    """Show no progress in this block: a server has several requests at once.

    The block includes tasks and threads that copy its context, as those of anyio do.
    """
    token = _HIDDEN.set(True)
    try:
        yield
    finally:
        _HIDDEN.reset(token)


def track(items: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield ``items`` while showing how many are done."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    with progress(label, total) as step:
        for item in items:
            yield item
            step()


@contextmanager
def _bar(label: str, total: int | None) -> Iterator[Step]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total)

        def step(count: int = 1) -> None:
            bar.advance(task, count)

        yield step


@contextmanager
def _lines(label: str, total: int | None) -> Iterator[Step]:
    done = 0
    last = time.monotonic()
    of_total = "" if total is None else f"/{total}"

    def step(count: int = 1) -> None:
        nonlocal done, last
        done += count
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            print(f"{label}: {done}{of_total}", file=sys.stderr, flush=True)

    yield step
    print(f"{label}: {done}{of_total} done", file=sys.stderr, flush=True)

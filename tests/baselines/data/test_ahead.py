"""Items computed ahead by a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from rsitmd_tools.baselines.data.ahead import ahead


def test_items_come_in_order() -> None:
    assert list(ahead(range(100), 3)) == list(range(100))
    assert list(ahead([], 3)) == []
    # An item may be an exception; it is not raised.
    error = ValueError()
    assert list(ahead([error], 1)) == [error]


def test_the_requested_items_are_computed_ahead_and_no_more() -> None:
    computed: list[int] = []
    fourth = threading.Event()

    def items() -> Iterator[int]:
        for number in range(50):
            computed.append(number)
            if number == 3:
                fourth.set()
            yield number

    taken = ahead(items(), 2)
    assert next(taken) == 0
    # Two wait, and one is ready to be put beside them.
    assert fourth.wait(60)
    assert computed == [0, 1, 2, 3]
    rest = []
    for number in taken:
        assert len(computed) <= number + 4
        rest.append(number)
    assert rest == computed[1:] == list(range(1, 50))


def test_an_error_is_raised_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise KeyError("no such row")

    taken = ahead(items(), 3)
    assert next(taken) == 1
    with pytest.raises(KeyError, match="no such row"):
        next(taken)


def test_the_thread_ends_with_its_reader() -> None:
    def endless() -> Iterator[int]:
        while True:
            yield 0

    before = threading.active_count()
    taken = ahead(endless(), 2)
    assert next(taken) == 0 and threading.active_count() == before + 1
    taken.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before

"""The clock of a server: what is recorded of it, and how times are converted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.clock import (
    STEP_SECONDS,
    notice_set_back,
    on_server,
    on_this_computer,
    record_clock,
)

SERVER = "https://ls.example.org"
HERE, THERE = "2026-01-01T12:00:00.000000+00:00", "2026-01-01T14:00:00.000000+00:00"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "w") as made:
        yield made


def set_clock(workspace: Workspace) -> None:
    """Record that the clock of the server is two hours ahead."""
    with workspace.transaction():
        record_clock(workspace, SERVER, HERE, THERE)


def test_times_are_converted_in_both_directions(workspace: Workspace) -> None:
    set_clock(workspace)
    # With microseconds, even if they are 0: times are compared as texts.
    assert on_server(workspace.db, SERVER, HERE) == THERE
    assert on_this_computer(workspace.db, SERVER, THERE) == HERE


def test_without_a_comparison_only_a_server_on_this_computer_has_a_known_clock(
    workspace: Workspace,
) -> None:
    assert on_server(workspace.db, SERVER, HERE) == HERE
    assert on_this_computer(workspace.db, SERVER, HERE) is None
    assert on_this_computer(workspace.db, SERVER, HERE, same=True) == HERE


def test_the_duration_of_a_request_is_no_difference_on_this_computer(workspace: Workspace) -> None:
    set_clock(workspace)
    assert on_this_computer(workspace.db, SERVER, HERE, same=True) == HERE


@pytest.mark.parametrize(
    ("hours", "noticed"), [(2 - 2 * STEP_SECONDS / 3600, True), (2.0, False), (3.0, False)]
)
def test_only_a_clock_that_was_set_back_is_recorded(
    workspace: Workspace, hours: float, noticed: bool
) -> None:
    set_clock(workspace)
    with workspace.transaction():
        notice_set_back(workspace, SERVER, hours * 3600)
    shown = on_this_computer(workspace.db, SERVER, THERE)
    assert (shown == HERE) is not noticed


def test_a_slow_answer_is_no_change_of_the_clock(workspace: Workspace) -> None:
    set_clock(workspace)
    with workspace.transaction():
        notice_set_back(workspace, SERVER, 2 * 3600 - STEP_SECONDS)
    assert on_this_computer(workspace.db, SERVER, THERE) == HERE


def test_a_clock_that_was_never_compared_is_not_set_back(workspace: Workspace) -> None:
    with workspace.transaction():
        notice_set_back(workspace, SERVER, -3600)
    assert on_this_computer(workspace.db, SERVER, THERE) is None

"""What a pull reads, from a server in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from rsitmd_tools.studio.sync import pull as pull_module
from rsitmd_tools.studio.sync.fields import page_of
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.results import as_result
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.clock import record_clock
from rsitmd_tools.workspace.projects import pull_cursor
from rsitmd_tools.workspace.states import move
from rsitmd_tools.workspace.status import count_drafts
from rsitmd_tools.workspace.tasks import set_image_addresses
from tests.builders import add
from tests.studio.sync.memory_server import MemoryServer
from tests.studio.sync.teams import workspace_of

NOW = datetime.now(UTC)


def hours(ahead: float) -> str:
    """Return the time some hours from now."""
    return (NOW + timedelta(hours=ahead)).isoformat(timespec="microseconds")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with a project and three images with a task each."""
    with workspace_of(tmp_path / "w", "anna@x.org", "berta@x.org") as made:
        with made.transaction() as db:
            add(db, "project")
            for number in (1, 2, 3):
                add(db, "image", number=number)
                add(db, "task", image_id=number)
        yield made


@pytest.fixture
def server(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> MemoryServer:
    """A server with the three tasks, from which ``pull`` reads."""
    made = MemoryServer(page=page_of(workspace))
    for number in (1, 2, 3):
        made.tasks[number] = SimpleNamespace(
            id=number,
            data={"sha256": f"port {number}"},
            updated_at=hours(-9),
            annotations=[],
        )
    monkeypatch.setattr(pull_module, "connection_of", lambda workspace: made.connection)
    monkeypatch.setattr(pull_module, "Client", lambda connection: made)
    return made


def texts(workspace: Workspace) -> dict[str, str]:
    """Return the current sentences by image."""
    rows = workspace.db.execute(
        "SELECT filename, raw FROM current_sentence AS sentence"
        " JOIN annotation ON annotation.id = annotation_id JOIN task ON task.id = task_id"
        " JOIN image ON image.id = image_id"
    )
    return dict(rows.fetchall())


def test_a_text_under_another_picture_is_named_once(
    workspace: Workspace, server: MemoryServer
) -> None:
    with workspace.transaction() as db:
        set_image_addresses(db, {1: "here/1", 2: "here/2"})  # the address of task 3 is not known
    for number, task in server.tasks.items():
        task.data["image"] = "here/1"
        server.write(number, as_result(["A ship."], []), at=hours(-8))
    picture = {"image": "port_2.tif", "task": 2, "address": "here/1", "annotators": ["anna@x.org"]}
    assert pull(workspace).changed_pictures == [picture]
    assert pull(workspace).changed_pictures == []


def test_a_text_in_a_copy_of_a_task_is_named_until_the_copy_takes_its_place(
    workspace: Workspace, server: MemoryServer
) -> None:
    pull(workspace)
    for number in (4, 5):  # somebody imported two tasks once more
        copied = SimpleNamespace(
            id=number,
            data={"sha256": f"port {number - 3}"},
            updated_at=hours(-1),
            annotations=[],
        )
        server.tasks[number] = copied
    server.write(4, as_result(["A ship."], []), at=hours(-0.5))
    named = {"image": "port_1.tif", "task": 1, "copy": 4, "annotators": ["anna@x.org"]}
    for _ in range(2):
        report = pull(workspace)
        assert (report.new, report.copies, report.unknown_tasks) == (0, [named], [5])
    del server.tasks[1]
    report = pull(workspace)
    assert (report.new, report.copies, report.unknown_tasks) == (1, [], [5])
    assert texts(workspace) == {"port_1.tif": "A ship."}


@pytest.mark.parametrize(
    ("ahead", "corrected"), [(0.0, 1), (-600.0, 1), (None, 0), (6 * 3600.0, 0), (7 * 3600.0, 0)]
)
def test_a_correction_counts_after_the_clock_of_the_server_was_set_right(
    workspace: Workspace,
    server: MemoryServer,
    ahead: float | None,
    corrected: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The clock was ahead by six hours when the note was sent."""
    monkeypatch.setattr(pull_module, "update_tasks", lambda workspace, client: 0)
    server.write(1, as_result(["Many roads."], []), at=hours(-8))
    pull(workspace)
    with workspace.transaction() as db:
        move(db, 1, "sent back", "B. Lee", note="count them", decided_at=hours(-1))
        record_clock(workspace, "here", hours(-1), hours(5))
    server.ahead = ahead
    server.write(1, as_result(["Two roads."], []), at=hours(-0.5))
    report = pull(workspace)
    assert (report.corrected, len(report.still_sent_back)) == (corrected, 1 - corrected)


def test_drafts_are_counted_in_every_pull(workspace: Workspace, server: MemoryServer) -> None:
    for drafts, count in [(set(), 0), ({1, 3, 99}, 2), ({3}, 1), (set(), 0)]:
        server.drafts = drafts
        assert pull(workspace).drafts == count_drafts(workspace) == count


def test_a_change_is_pulled_after_the_clock_of_the_server_was_ahead(
    workspace: Workspace, server: MemoryServer
) -> None:
    for task in (1, 2):
        server.write(task, as_result(["A ship."], []), at=hours(-8))
    pull(workspace)
    server.ahead = 6 * 3600
    server.write(1, as_result(["A white ship."], []), at=hours(6))
    assert pull(workspace).changed == 1
    server.ahead = 0.0
    server.write(2, as_result(["Two ships."], []), at=hours(0.1))
    assert pull(workspace).changed == 1
    assert texts(workspace) == {"port_1.tif": "A white ship.", "port_2.tif": "Two ships."}


@pytest.mark.parametrize(("ahead", "last"), [(0.0, 6), (None, 6), (-5 * 3600.0, -0.1)])
def test_all_tasks_are_listed_if_the_last_pull_was_later_than_the_clock_shows(
    workspace: Workspace, server: MemoryServer, ahead: float | None, last: float
) -> None:
    """Stored by an earlier version, or the clock was set back."""
    server.write(1, as_result(["A ship."], []), at=hours(-8))
    pull(workspace)
    with workspace.transaction():
        workspace.set_fact(pull_cursor(1), hours(last))
    server.ahead = ahead
    server.write(1, as_result(["A white ship."], []), at=hours(-5))
    assert pull(workspace).changed == 1
    assert texts(workspace) == {"port_1.tif": "A white ship."}

"""Time-outs and full disks: one line, and one more run is right."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import Connection, save_connection
from rsitmd_tools.studio.sync import pull as pull_module
from rsitmd_tools.studio.sync import push as push_module
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import join

if TYPE_CHECKING:
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace, Tool
    from tests.integration.relay import Relay

pytestmark = pytest.mark.integration

People = list[tuple[str, Annotator]]
IMAGES = 5
SETTINGS = "[annotation]\nannotators_per_image = 2\n"


@pytest.fixture(autouse=True)
def small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_module, "BATCH", 2)
    monkeypatch.setattr(pull_module, "PAGE", 2)
    monkeypatch.setattr("rsitmd_tools.studio.api.calls.PAUSES", (0.1, 0.1, 0.1))
    monkeypatch.setattr("rsitmd_tools.studio.api.http.TIMEOUT_SECONDS", 5.0)


def assert_once(workspace: Workspace, client: Client) -> None:
    """Every project is there once, every task is, and the workspace knows them by number."""
    key = str(workspace.fact("campaign"))
    made = [p.id for p in client.sdk.projects.list() if key in (p.description or "")]
    known = [row[0] for row in workspace.db.execute("SELECT server_id FROM project")]
    assert sorted(made) == sorted(known)
    tasks = {n: [task for page in client.pages(n) for task in page] for n in known}
    for entries in tasks.values():
        assert set(Counter(task.data["filename"] for task in entries).values()) <= {1}
    people = workspace.settings.annotation.annotators_per_image if len(known) > 1 else 1
    count = Counter(task.data["filename"] for entries in tasks.values() for task in entries)
    assert len(count) == IMAGES
    assert set(count.values()) == {people}
    numbers = [row[0] for row in workspace.db.execute("SELECT server_id FROM task")]
    assert sorted(numbers) == sorted(task.id for entries in tasks.values() for task in entries)


@pytest.mark.parametrize("order", ["late", "held"])
@pytest.mark.parametrize("path", ["/api/projects/ ", "/import?"])
def test_a_request_answered_too_late_is_executed_once(
    path: str, order: str, make_workspace: MakeWorkspace, client: Client, relay: Relay
) -> None:
    """The client gave up; the server had taken it, or took it only then."""
    spoiled: list[str] = []

    def first(method: str, seen: str, count: int) -> str | None:
        if method == "POST" and path in f"{seen} " and not spoiled:
            spoiled.append(seen)
            return order
        return None

    relay.spoil = first
    with Workspace.open(make_workspace(images=IMAGES, url=relay.url), write=True) as workspace:
        assert push(workspace).new == IMAGES
        assert spoiled
        while relay.finished < len(relay.seen):
            time.sleep(0.1)
        assert_once(workspace, client)
        again = push(workspace)
        assert (again.new, again.found, again.known) == (0, 0, IMAGES)


@pytest.mark.parametrize("first", [3, 6, 8])
def test_a_server_that_stops_answering_ends_a_push_with_a_one_line_error(
    first: int, make_workspace: MakeWorkspace, client: Client, relay: Relay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("rsitmd_tools.studio.api.http.TIMEOUT_SECONDS", 1.0)
    relay.spoil = lambda method, path, count: "late" if count >= first else None
    with Workspace.open(make_workspace(images=IMAGES, url=relay.url), write=True) as workspace:
        with pytest.raises(RsitmdError, match=r"the connection failed \(ReadTimeout\)") as stopped:
            push(workspace)
        assert "\n" not in str(stopped.value)
    monkeypatch.setattr("rsitmd_tools.studio.api.http.TIMEOUT_SECONDS", 30.0)
    relay.spoil = lambda method, path, count: None
    with Workspace.open(workspace.path, write=True) as workspace:
        push(workspace)
        assert_once(workspace, client)


@pytest.fixture
def written(make_workspace: MakeWorkspace, annotators: People) -> Path:
    """A workspace of five images, each captioned by two people, not pulled yet."""
    folder = make_workspace(images=IMAGES)
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        tasks = [row[0] for row in workspace.db.execute("SELECT server_id FROM task ORDER BY id")]
    for email, person in annotators[:2]:
        for task in tasks:
            person.submit(task, [f"{task} by {email}."], ["red ship"])
    return folder


def assert_all_there_once(workspace: Workspace) -> None:
    rows = workspace.db.execute(
        "SELECT task.server_id, email, raw FROM sentence"
        " JOIN annotation ON annotation.id = annotation_id AND latest AND deleted_at IS NULL"
        " JOIN task ON task.id = task_id"
        " JOIN annotator ON annotator.id = annotation.annotator_id"
    ).fetchall()
    assert len(rows) == 2 * IMAGES == len({tuple(row) for row in rows})
    assert all(row["raw"] == f"{row['server_id']} by {row['email']}." for row in rows)


def test_a_page_that_arrives_too_late_is_requested_again(
    written: Path, server: EmbeddedServer, relay: Relay
) -> None:
    late: list[str] = []

    def second_page(method: str, path: str, count: int) -> str | None:
        if count == 5 and "/api/tasks" in path:
            late.append(path)
            return "late"
        return None

    relay.spoil = second_page
    with Workspace.open(written, write=True) as workspace:
        save_connection(workspace, Connection(server.url, relay.url, server.token))
        assert pull(workspace).new == 2 * IMAGES
        assert late
        assert_all_there_once(workspace)


@pytest.mark.parametrize("first", [2, 4, 6])
def test_a_server_that_stops_answering_ends_a_pull_with_a_one_line_error(
    first: int, written: Path, server: EmbeddedServer, relay: Relay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("rsitmd_tools.studio.api.http.TIMEOUT_SECONDS", 1.0)
    with Workspace.open(written, write=True) as workspace:
        save_connection(workspace, Connection(server.url, relay.url, server.token))
        relay.spoil = lambda method, path, count: "late" if count >= first else None
        with pytest.raises(RsitmdError, match=r"the connection failed \(ReadTimeout\)") as stopped:
            pull(workspace)
        assert "\n" not in str(stopped.value)
        stored = workspace.db.execute("SELECT count(*) FROM annotation").fetchone()[0]
        assert stored < 2 * IMAGES
        monkeypatch.setattr("rsitmd_tools.studio.api.http.TIMEOUT_SECONDS", 30.0)
        relay.spoil = lambda method, path, count: None
        assert pull(workspace).new == 2 * IMAGES - stored
        assert_all_there_once(workspace)


def fill(db: sqlite3.Connection) -> None:
    """Leave no room in a database's file, nor in the pages that it has."""
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")
    with contextlib.suppress(sqlite3.OperationalError):
        while True:
            db.execute("INSERT INTO fact VALUES (hex(randomblob(16)), 'full')")


def test_a_full_disk_ends_a_push_with_a_one_line_error(
    make_workspace: MakeWorkspace, client: Client
) -> None:
    with Workspace.open(make_workspace(images=IMAGES), write=True) as workspace:
        fill(workspace.db)
        with pytest.raises(RsitmdError, match=r"cannot be written .*full.*free some space") as full:
            push(workspace)
        assert "\n" not in str(full.value)
        workspace.db.execute("PRAGMA max_page_count = 1073741823")
        push(workspace)
        assert_once(workspace, client)


FULL_AFTER = """
import resource, sys
from rsitmd_tools.cli import main
from rsitmd_tools.studio.sync import push
from rsitmd_tools.studio.api.client import Client
push.BATCH = 2
call, answers = Client.call, int(sys.argv[2])
def counted(self, *args, **kwargs):
    global answers
    answer = call(self, *args, **kwargs)
    answers -= 1
    if answers == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    return answer
Client.call = counted
if answers == 0:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
main(["annotate", "push", sys.argv[1]])
"""


# At once; with the people known; a project made; a batch sent; the next project made.
@pytest.mark.parametrize("answers", [0, 2, 4, 5, 7])
def test_the_disk_becomes_full_at_any_moment_of_a_push(
    answers: int, make_workspace: MakeWorkspace, annotators: People, client: Client, tool: Tool
) -> None:
    """The server has done something that the workspace cannot write down."""
    folder = make_workspace(images=IMAGES, settings=SETTINGS)
    with Workspace.open(folder, write=True) as workspace:
        for email, _ in annotators[:3]:
            join(workspace, email)
    done = tool.run_script(FULL_AFTER, folder, answers)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        assert_once(workspace, client)

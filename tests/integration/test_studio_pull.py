"""Pull: nothing lost and nothing twice, whatever happened."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.studio.api.connection import Connection, save_connection
from rsitmd_tools.studio.campaign.review import ReviewRequest, review
from rsitmd_tools.studio.campaign.status import status
from rsitmd_tools.studio.sync import pull as pull_module
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from tests.integration.drafts import save_draft
from tests.integration.rewriting import overwrite, rewrite

if TYPE_CHECKING:
    from pathlib import Path

    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace, Tool
    from tests.integration.relay import Relay

pytestmark = pytest.mark.integration

People = list[tuple[str, Annotator]]


@pytest.fixture
def written(make_workspace: MakeWorkspace, annotators: People) -> Iterator[Path]:
    """A workspace with five images, each captioned by two people, not pulled yet."""
    folder = make_workspace()
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        tasks = [row[0] for row in workspace.db.execute("SELECT server_id FROM task ORDER BY id")]
    for _, person in annotators[:2]:
        for number, task in enumerate(tasks):
            person.submit(task, [f"Image {number}."], ["red ship"])
    yield folder


def assert_all_there_once(workspace: Workspace) -> None:
    captions = [image.captions for image in merged_images(workspace)]
    assert captions == [(f"Image {n}.", f"Image {n}.") for n in range(5)]
    assert workspace.db.execute("SELECT count(*) FROM annotation").fetchone()[0] == 10
    cursors = "SELECT count(*) FROM fact WHERE key LIKE 'pull.%'"
    assert workspace.db.execute(cursors).fetchone()[0] == 1


# The lead, the users, the project, the list of tasks, its empty end; three pages of two.
@pytest.mark.parametrize("answers", [6, 7, 8])
def test_a_killed_pull_is_run_again(answers: int, written: Path, tool: Tool) -> None:
    tool.killed_after(answers, "pull", written)
    again = tool.run("annotate", "pull", written, "--json")
    assert again.returncode == 0, again.stderr
    stored = {6: 0, 7: 4, 8: 8}[answers]  # what the pages before the kill brought
    assert json.loads(again.stdout)["new"] == 10 - stored
    with Workspace.open(written, write=True) as workspace:
        assert_all_there_once(workspace)


@pytest.mark.parametrize("answer", ["cut", 401])
def test_a_server_lost_between_two_pages(
    answer: str | int, written: Path, server: EmbeddedServer, relay: Relay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(pull_module, "PAGE", 2)
    monkeypatch.setattr("rsitmd_tools.studio.api.calls.PAUSES", (0.0, 0.0, 0.0))
    relay.spoil = lambda method, path, count: answer if count > 6 else None
    with Workspace.open(written, write=True) as workspace:
        save_connection(workspace, Connection(server.url, relay.url, server.token))
        with pytest.raises(RsitmdError) as stopped:
            pull(workspace)
        assert server.token not in str(stopped.value)
        assert "\n" not in str(stopped.value)
        assert 0 < workspace.db.execute("SELECT count(*) FROM annotation").fetchone()[0] < 10
        relay.spoil = lambda method, path, count: None
        pull(workspace)
        assert_all_there_once(workspace)


def test_a_task_deleted_between_two_pages_does_not_hide_another(
    written: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pull_module, "PAGE", 2)
    pages = Client.pages

    def delete_behind(self: Client, *args: Any, **options: Any) -> Iterator[list[Any]]:
        for number, page in enumerate(pages(self, *args, **options)):
            yield page
            if number == 0 and "only" in options:
                client.sdk.tasks.delete(id=str(page[0].id))

    monkeypatch.setattr(Client, "pages", delete_behind)
    with Workspace.open(written, write=True) as workspace:
        assert pull(workspace).new == 10


def test_tasks_of_other_origin_are_ignored_and_reported(
    written: Path, client: Client, tool: Tool
) -> None:
    with Workspace.open(written) as workspace:
        number = workspace.db.execute("SELECT server_id FROM project").fetchone()[0]
    client.sdk.projects.import_tasks(
        id=number,
        request=[
            {
                "data": {
                    "image": "https://x/y.png",
                    "note": "",
                    "hint": "",
                    "suggested": [],
                    "machine": "",
                }
            }
        ],
    )
    answer = tool.run("annotate", "pull", written)
    assert answer.returncode == 0
    assert "ignored 1 task on the server that this workspace did not create" in answer.stderr


def test_a_pull_looks_only_at_what_changed(written: Path, annotators: People) -> None:
    with Workspace.open(written, write=True) as workspace:
        assert pull(workspace).tasks == 5
        again = pull(workspace)
        assert (again.tasks, again.new, again.changed) == (0, 0, 0)
        task = workspace.db.execute("SELECT server_id FROM task ORDER BY id").fetchone()[0]
        rewrite(annotators[0][1], task, ["Another view."], ["red ship"])
        changed = pull(workspace)
        assert (changed.tasks, changed.new, changed.changed) == (1, 0, 1)


def test_what_the_server_made_twice_counts_once(
    make_workspace: MakeWorkspace, annotators: People, client: Client
) -> None:
    folder = make_workspace(images=1)
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        task = int(workspace.db.execute("SELECT server_id FROM task").fetchone()[0])

        def texts() -> list[str]:
            return sorted(text for image in merged_images(workspace) for text in image.captions)

        (_, anna), (_, berta) = annotators[:2]
        for person in (anna, anna, berta):  # the second is what a repeated request leaves
            person.submit(task, ["One."], ["red ship"])
        report = pull(workspace)
        assert (report.new, report.doubled) == (2, 1)
        assert texts() == ["One.", "One."]
        made = client.sdk.annotations.list(id=task)
        first, copy = sorted(a.id for a in made if a.completed_by == anna.user)
        overwrite(anna, first, ["Two."], ["red ship"])
        assert pull(workspace).doubled == 1  # known by the wording of before
        assert texts() == ["One.", "Two."]
        anna.submit(task, ["Three."], ["red ship"])  # another text of hers is no copy
        pull(workspace)
        assert texts() == ["One.", "Three.", "Two."]
        client.sdk.annotations.delete(id=first)
        report = pull(workspace)
        assert (report.new, report.deleted, report.doubled) == (1, 1, 0)  # the copy takes its place
        assert texts() == ["One.", "One.", "Three."]
        overwrite(anna, copy, ["Three."], ["red ship"])  # what is known is no copy any more
        pull(workspace)
        assert texts() == ["One.", "Three.", "Three."]


@pytest.mark.parametrize("kind", ["new", "changed"])
def test_nothing_is_lost_when_the_clock_is_set_back_an_hour(
    kind: str, written: Path, annotators: People, server: EmbeddedServer
) -> None:
    with Workspace.open(written, write=True) as workspace:
        pull(workspace)
        task = workspace.db.execute("SELECT server_id FROM task ORDER BY id").fetchone()[0]
        if kind == "new":
            annotators[2][1].submit(task, ["Written in the past."], [])
        else:
            rewrite(annotators[0][1], task, ["Written in the past."], [])
        file = server.workspace / "studio" / "data" / "label_studio.sqlite3"
        with contextlib.closing(sqlite3.connect(file, timeout=60)) as db, db:
            for table, column in (("task", "id"), ("task_completion", "task_id")):
                db.execute(
                    f"UPDATE {table} SET updated_at = datetime(updated_at, '-1 hour')"
                    f" WHERE {column} = ? AND updated_at >= datetime('now', '-30 seconds')",
                    (task,),
                )
        report = pull(workspace)
        assert report.new + report.changed >= 1
        texts = [c for image in merged_images(workspace) for c in image.captions]
        assert texts.count("Written in the past.") == 1
        assert pull(workspace).new == 0


@pytest.mark.parametrize("late", [0, 2])
@pytest.mark.parametrize("kind", ["new", "changed"])
def test_nothing_is_lost_when_the_server_was_killed_before_it_set_the_time_of_the_task(
    kind: str,
    late: int,
    written: Path,
    annotators: People,
    server: EmbeddedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server stores an annotation and the time of its task in two transactions.

    It sends its time in whole seconds, so its clock can seem to be before the last pull.
    """
    with Workspace.open(written, write=True) as workspace:
        pull(workspace)
        task = workspace.db.execute("SELECT server_id FROM task ORDER BY id").fetchone()[0]
        file = server.workspace / "studio" / "data" / "label_studio.sqlite3"
        with contextlib.closing(sqlite3.connect(file, timeout=60)) as db, db:
            times = "SELECT updated_at FROM task WHERE id = ?"
            before = db.execute(times, (task,)).fetchone()[0]
            if kind == "new":
                annotators[2][1].submit(task, ["The power failed."], ["red ship"])
            else:
                rewrite(annotators[0][1], task, ["The power failed."], ["red ship"])
            assert db.execute(times, (task,)).fetchone()[0] > before
            db.execute("UPDATE task SET updated_at = ? WHERE id = ?", (before, task))
        if late:
            cursor = "SELECT max(value) FROM fact WHERE key LIKE 'pull.%'"
            shown = datetime.fromisoformat(workspace.db.execute(cursor).fetchone()[0])
            shown -= timedelta(seconds=late)
            monkeypatch.setattr(pull_module, "now_on", lambda _: server_time(shown))
        report = pull(workspace)
        assert (report.new, report.changed) == ((1, 0) if kind == "new" else (0, 1))
        texts = [c for image in merged_images(workspace) for c in image.captions]
        assert texts.count("The power failed.") == 1
        again = pull(workspace)
        assert (again.new, again.changed) == (0, 0)


def test_annotations_are_listed_only_when_their_number_differs(
    written: Path, annotators: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = []
    numbers = Client.annotation_numbers

    def counted(self: Client, project: int, *, size: int = 2) -> dict[int, set[int]]:
        found = numbers(self, project, size=size)
        lists.append(found)
        return found

    monkeypatch.setattr(Client, "annotation_numbers", counted)
    with Workspace.open(written, write=True) as workspace:
        pull(workspace)
        assert lists == []
        task = workspace.db.execute("SELECT server_id FROM task ORDER BY id").fetchone()[0]
        annotators[0][1].submit(task, ["Image 0."], ["red ship"])  # as a repeated request
        assert pull(workspace).doubled == 1
        assert [len(found) for found in lists] == [5]
        assert sorted(len(each) for each in lists[0].values()) == [2, 2, 2, 2, 3]
        pull(workspace)
        assert len(lists) == 1  # the difference is known


def test_skips_and_drafts_are_counted(
    written: Path, annotators: People, client: Client, server: EmbeddedServer
) -> None:
    with Workspace.open(written, write=True) as workspace:
        tasks = [r[0] for r in workspace.db.execute("SELECT server_id FROM task ORDER BY id")]
        client.sdk.annotations.create(id=tasks[0], result=[], was_cancelled=True)
        draft = save_draft(server, server.token, tasks[1])
        report = pull(workspace)
        assert (report.new, report.skipped, report.drafts) == (10, 1, 1)
        state = status(workspace)
        assert (state["skips"], state["drafts"]) == (1, 1)
        again = pull(workspace)
        assert (again.tasks, again.skipped, again.drafts) == (0, 0, 1)
        client.sdk._client_wrapper.httpx_client.request(f"api/drafts/{draft}/", method="DELETE")
        assert (pull(workspace).drafts, status(workspace)["drafts"]) == (0, 0)
        assert all("Not finished" not in i.captions for i in merged_images(workspace))


def test_a_full_disk_is_a_one_line_error_and_the_next_pull_continues(written: Path) -> None:
    with Workspace.open(written, write=True) as workspace:
        pages = workspace.db.execute("PRAGMA page_count").fetchone()[0]
        workspace.db.execute(f"PRAGMA max_page_count = {pages}")
        with contextlib.suppress(sqlite3.OperationalError):
            while True:  # fill what is free in the file
                workspace.db.execute("INSERT INTO fact VALUES (hex(randomblob(16)), 'full')")
        with pytest.raises(RsitmdError, match=r"cannot be written .*free some space"):
            pull(workspace)
        workspace.db.execute("PRAGMA max_page_count = 1073741823")
        pull(workspace)
        assert_all_there_once(workspace)


def test_a_task_of_a_copied_workspace_is_known_by_its_key(written: Path) -> None:
    """What another copy of the workspace pushed, and this one never recorded, is not lost."""
    with Workspace.open(written, write=True) as workspace:
        with workspace.transaction() as db:
            db.execute("DELETE FROM task WHERE id = (SELECT max(id) FROM task)")
        report = pull(workspace)
        assert (report.new, report.unknown_tasks) == (10, [])
        assert_all_there_once(workspace)


def test_a_field_added_by_hand_is_kept_when_a_task_gets_a_note(
    written: Path, client: Client, annotators: People
) -> None:
    with Workspace.open(written, write=True) as workspace:
        pull(workspace)
        task = workspace.db.execute("SELECT server_id FROM task ORDER BY id").fetchone()[0]
        data = client.sdk.tasks.get(id=str(task)).data
        client.sdk.tasks.update(id=str(task), data={**data, "place": "Genoa"})
        review(workspace, ReviewRequest("B. Lee", send_back="S105"))
        after = client.sdk.tasks.get(id=str(task)).data
        assert after["place"] == "Genoa"
        assert "Sent back to anna@example.org" in after["note"]


def test_a_wrong_token_is_a_one_line_error_without_the_token(
    written: Path, server: EmbeddedServer, tool: Tool
) -> None:
    wrong = "0123456789abcdef0123456789abcdef01234567"
    with Workspace.open(written, write=True) as workspace:
        save_connection(workspace, Connection(server.url, server.url, wrong))
    for command in ("push", "pull", "invite"):
        answer = tool.run("annotate", command, written)
        assert answer.returncode == 1
        assert answer.stderr.splitlines()[-1] == (
            f"error: {server.url}: the server refuses the token; copy the token from the"
            " page Account & Settings of the server into a file, and run `rsitmd annotate connect`"
            " again"
        )
        assert wrong not in answer.stdout + answer.stderr


def test_a_stopped_server_is_a_one_line_error(written: Path, tool: Tool) -> None:
    with Workspace.open(written, write=True) as workspace:
        gone = "http://127.0.0.1:9"
        save_connection(workspace, Connection(gone, gone, "token"))
    for command in ("push", "pull", "invite"):
        answer = tool.run("annotate", command, written)
        assert answer.returncode == 1
        last = answer.stderr.splitlines()[-1]
        assert last.startswith("error: ")
        assert "Label Studio does not answer; start the server" in last or "no project" in last
    assert json.loads(tool.run("annotate", "status", written, "--json").stdout)["images"] == 5


def test_connect_checks_address_and_token(
    make_workspace: MakeWorkspace, server: EmbeddedServer, client: Client, tool: Tool
) -> None:  # fmt: skip
    folder = make_workspace(images=1)
    (folder / "studio" / "connection.json").unlink()
    token = folder / "token.txt"
    token.write_text(server.token + "\n", encoding="ascii")

    def connect(*more: str) -> tuple[int, str]:
        done = tool.run("annotate", "connect", folder, "--token-file", token, *more)
        assert server.token not in done.stdout + done.stderr
        return done.returncode, done.stdout + done.stderr

    assert connect("--url", "ftp://x")[0] == 2
    assert connect("--url", server.url, "--images", "nonsense")[0] == 2
    assert connect("--url", "http://127.0.0.1:9")[0] == 1
    assert not (folder / "studio" / "connection.json").exists()
    code, said = connect("--url", server.url + "/", "--images", "upload")
    assert code == 0, said
    assert said.startswith(f"connected: {server.url} (Label Studio 1.")
    assert tool.run("annotate", "push", folder).returncode == 0

    token.write_text(client.sdk.tokens.create().token, encoding="ascii")  # a personal token
    assert connect("--url", server.url)[0] == 0
    assert tool.run("annotate", "invite", folder).stdout.startswith(f"{server.url}/user/signup/")
    # A second server, which no command would use, is not started.
    refused = tool.run("annotate", "serve", folder)
    assert refused.returncode == 2
    assert f"is connected to {server.url}" in refused.stderr
    assert connect("--own")[0] == 2
    own = tool.run("annotate", "connect", folder, "--own")
    assert (own.returncode, own.stdout) == (0, "the workspace uses its own server\n")
    assert "is not running for this workspace" in tool.run("annotate", "invite", folder).stderr
    assert tool.run("annotate", "connect", folder, "--own").stdout.endswith("to another one\n")
    assert tool.run("annotate", "connect", folder).returncode == 2

    token.write_text("", encoding="ascii")
    assert "does not contain a token" in connect("--url", server.url)[1]
    token.unlink()
    assert "cannot be read" in connect("--url", server.url)[1]

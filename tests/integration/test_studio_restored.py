"""A server whose database is replaced by an older copy of it, as from a backup of the server."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.campaign.review import ReviewRequest, review
from rsitmd_tools.studio.server.embedded import EmbeddedServer
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.tasks import known_tasks
from tests.integration.rewriting import rewrite

if TYPE_CHECKING:
    from tests.integration.conftest import MakeOwn

pytestmark = pytest.mark.integration


def copy_database(source: Path, target: Path) -> None:
    """Replace the content of a database by that of another."""
    with (
        contextlib.closing(sqlite3.connect(source, timeout=60)) as old,
        contextlib.closing(sqlite3.connect(target, timeout=60)) as new,
    ):
        old.backup(new)


def test_a_restored_text_is_sent_back_again_and_not_released(
    make_own: MakeOwn, tmp_path: Path
) -> None:
    folder = make_own(images=1)
    database = folder / "studio" / "data" / "label_studio.sqlite3"
    with EmbeddedServer(folder) as server, Workspace.open(folder, write=True) as workspace:
        push(workspace)
        task = workspace.db.execute("SELECT server_id FROM task").fetchone()[0]
        lead = Annotator(connection_of(workspace), server.token)
        lead.submit(task, ["There are many roads in the green field."], ["green field"])
        pull(workspace)
        assert len(review(workspace, ReviewRequest("B. Lee", send_back="S104")).sent_back) == 1
        copy_database(database, tmp_path / "backup.sqlite3")
        rewrite(lead, task, ["Two grey roads cross the green field."], ["green field"])
        assert pull(workspace).corrected == 1
        assert review(workspace, ReviewRequest("B. Lee", accept="clean")).accepted == 1
    copy_database(tmp_path / "backup.sqlite3", database)

    with EmbeddedServer(folder), Workspace.open(folder, write=True) as workspace:
        report = pull(workspace)
        assert [entry["sentences"] for entry in report.reopened] == [[1]]
        assert [entry["sentences"] for entry in report.still_sent_back] == [[1]]
        states = workspace.db.execute("SELECT state FROM sentence ORDER BY id").fetchall()
        assert [row[0] for row in states] == ["sent back", "replaced"]
        assert merged_images(workspace)[0].captions == ()
        client = Client(connection_of(workspace))
        note = client.sdk.tasks.get(id=str(task)).data["note"]
        assert note.startswith("Sent back to ")


def test_texts_of_a_deleted_task_and_project_return_with_a_restored_server(
    make_own: MakeOwn, tmp_path: Path
) -> None:
    """The times of the restored tasks are older than those that the last pull listed."""
    folder = make_own(images=2)
    database = folder / "studio" / "data" / "label_studio.sqlite3"
    for deleted in ("task", "project"):
        with EmbeddedServer(folder) as server, Workspace.open(folder, write=True) as workspace:
            push(workspace)
            lead = Annotator(connection_of(workspace), server.token)
            [project] = workspace.db.execute("SELECT server_id FROM project").fetchone()
            first, second = known_tasks(workspace.db, 1)
            if deleted == "task":
                lead.submit(first, ["A ship of yesterday."], ["red ship"])
                make_old(database, first)
            lead.submit(second, [f"A ship of today, before the {deleted}."], ["red ship"])
            pull(workspace)
            before = [image.captions for image in merged_images(workspace)]
            assert before[0] == ("A ship of yesterday.",)
            copy_database(database, tmp_path / "backup.sqlite3")
            sdk = Client(connection_of(workspace)).sdk
            if deleted == "task":
                sdk.tasks.delete(id=str(first))
            else:
                sdk.projects.delete(id=project)
            assert pull(workspace).deleted > 0
            assert merged_images(workspace)[0].captions == ()
        copy_database(tmp_path / "backup.sqlite3", database)

        with EmbeddedServer(folder), Workspace.open(folder, write=True) as workspace:
            if deleted == "project":
                push(workspace)  # finds the tasks before the pull
            pull(workspace)
            assert [image.captions for image in merged_images(workspace)] == before
            again = pull(workspace)
            assert (again.new, again.changed, again.deleted) == (0, 0, 0)


def make_old(database: Path, task: int) -> None:
    """Make a task and its annotations a day older."""
    with contextlib.closing(sqlite3.connect(database, timeout=60)) as db, db:
        for table, column in (("task", "id"), ("task_completion", "task_id")):
            db.execute(
                f"UPDATE {table} SET updated_at = datetime(updated_at, '-1 day') || '.000000'"
                f" WHERE {column} = ?",
                (task,),
            )

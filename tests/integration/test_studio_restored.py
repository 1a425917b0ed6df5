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

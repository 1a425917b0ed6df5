"""A backup while people write, restored into another folder: nothing said to be kept is lost."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.server.embedded import EmbeddedServer
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images

if TYPE_CHECKING:
    from tests.integration.conftest import MakeOwn, Tool

pytestmark = pytest.mark.integration

IMAGES = 40


def test_a_backup_while_people_write(make_own: MakeOwn, tool: Tool, tmp_path: Path) -> None:
    folder = make_own(images=IMAGES)
    kept: list[int] = []  # tasks whose annotation the server has confirmed
    with EmbeddedServer(folder) as server:
        assert tool.run("annotate", "push", folder).returncode == 0
        with Workspace.open(folder) as workspace:
            connection = connection_of(workspace)
            tasks = [row[0] for row in workspace.db.execute("SELECT server_id FROM task")]
        person = Annotator(connection, server.token)
        some = threading.Event()

        def write() -> None:
            for task in tasks:
                person.submit(task, [f"Sentence {task}."], ["red ship"])
                kept.append(task)
                if len(kept) == 5:
                    some.set()

        thread = threading.Thread(target=write)
        thread.start()
        some.wait()
        before = list(kept)
        made = tool.run("annotate", "backup", folder, tmp_path / "b.tar", "--json")
        assert made.returncode == 0, made.stderr
        assert json.loads(made.stdout)["server"] == "copied"
        thread.join()
        assert len(kept) == IMAGES  # nobody was hindered

    back = tmp_path / "back"
    assert tool.run("annotate", "restore", tmp_path / "b.tar", back).returncode == 0
    with EmbeddedServer(back):
        pushed = json.loads(tool.run("annotate", "push", back, "--json").stdout)
        assert (pushed["new"], pushed["known"]) == (0, IMAGES)
        pulled = json.loads(tool.run("annotate", "pull", back, "--json").stdout)
        assert len(before) <= pulled["new"] <= IMAGES
        with Workspace.open(back) as workspace:
            merged = merged_images(workspace)
            task_of = dict(
                workspace.db.execute(
                    "SELECT filename, server_id FROM task JOIN image ON image.id = image_id"
                ).fetchall()
            )
            # The pictures are shown from the new folder.
            client = Client(connection_of(workspace))
            number = workspace.db.execute("SELECT server_id FROM project").fetchone()[0]
            paths = {
                s.path for s in client.call(client.sdk.import_storage.local.list, project=number)
            }
            assert str(back.resolve() / "renditions" / "images") in paths
    there = {task_of[image.filename]: image.captions for image in merged if image.captions}
    assert set(before) <= set(there)
    assert all(texts == (f"Sentence {task}.",) for task, texts in there.items())

"""A task that the lead deletes on the server does not lower its author's payment."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import join

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.conftest import MakeWorkspace, Tool

pytestmark = pytest.mark.integration

People = list[tuple[str, Annotator]]
SETTINGS = "[annotation]\nannotators_per_image = 1\nkeywords_min = 0\nassignment = 'assigned'\n"


def task_of(workspace: Workspace, filename: str) -> int:
    """Return the number of an image's task on the server."""
    row = workspace.db.execute(
        "SELECT server_id FROM task JOIN image ON image.id = image_id WHERE filename = ?",
        (filename,),
    ).fetchone()
    return int(row["server_id"])


def paid(folder: Path, tool: Tool) -> tuple[str, str, str]:
    """Return annotations, sentences and deleted ones of the only person and week."""
    file = folder / "weeks.csv"
    done = tool.run("annotate", "status", folder, "--payment", file)
    assert done.returncode == 0, done.stderr
    (row,) = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return row["annotations"], row["sentences"], row["deleted"]


def test_a_deleted_task_is_paid_and_a_rewritten_text_is_paid_once(
    make_workspace: MakeWorkspace, annotators: People, client: Client, tool: Tool
) -> None:
    email, person = annotators[0]
    folder = make_workspace(images=3, settings=SETTINGS)
    with Workspace.open(folder, write=True) as workspace:
        join(workspace, email)
        push(workspace)
        for number in (1, 2, 3):
            person.submit(task_of(workspace, f"harbour_{number}.tif"), [f"Boat {number}."], [])
        pull(workspace)
        first, last = (task_of(workspace, f"harbour_{number}.tif") for number in (1, 3))
    assert paid(folder, tool) == ("3", "3", "0")

    client.sdk.tasks.delete(id=str(last))  # the lead, in the page
    with Workspace.open(folder, write=True) as workspace:
        assert pull(workspace).deleted == 1
    assert paid(folder, tool) == ("3", "3", "1")

    # The author deletes a text of their own and writes it anew.
    own = person._client.sdk.annotations.list(id=first)[0]
    person._client.sdk.annotations.delete(id=own.id)
    with Workspace.open(folder, write=True) as workspace:
        assert pull(workspace).deleted == 1
    assert paid(folder, tool) == ("3", "3", "2")
    person.submit(first, ["Boat 1, written anew."], [])
    with Workspace.open(folder, write=True) as workspace:
        pull(workspace)
    assert paid(folder, tool) == ("3", "3", "1")

    # The deleted task is made anew, and its author writes once more: paid once.
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        person.submit(task_of(workspace, "harbour_3.tif"), ["Boat 3, written anew."], [])
        pull(workspace)
    assert paid(folder, tool) == ("3", "3", "0")

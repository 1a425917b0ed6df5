"""The tasks of a project: their data on the server are those of the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from rsitmd_tools.annotation_templates import HINT, SUGGESTED
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.pictures import ChangedPicture
from rsitmd_tools.studio.sync.tasks import TaskData, Tasks, own_data
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.states import move
from rsitmd_tools.workspace.tasks import TaskImage, task_images, tasks_of
from tests.builders import add, add_annotation
from tests.studio.sync.memory_server import MemoryServer


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with two images and one annotator, who has a project."""
    with Workspace.create(tmp_path / "w") as made:
        made.studio.mkdir(exist_ok=True)
        with made.transaction() as db:
            add(db, "annotator", email="anna@x.org")
            add(db, "project", annotator_id=1)
            for number in (1, 2):
                add(db, "image", number=number)
                add(db, "assignment", annotator_id=1, image_id=number)
        yield made


def data_of(image: TaskImage, note: str) -> dict[str, Any]:
    return {HINT: "", SUGGESTED: [], **own_data(image, "http://here/image", note)}


def push(workspace: Workspace, server: MemoryServer) -> int:
    """Send tasks and their data as a push does; return how many were changed."""
    return push_tasks(workspace, server)[0]


def push_tasks(
    workspace: Workspace, server: MemoryServer, data: TaskData = data_of
) -> tuple[int, list[ChangedPicture]]:
    """Send tasks and their data; return how many were changed, and the pictures among them."""
    images = {image.row: image for image in task_images(workspace.db)}
    tasks = Tasks(workspace, cast("Client", server), 1, 1, data)
    _, missing = tasks.find(list(images.values()))
    tasks.send(missing, 10, lambda count: None)
    return tasks.update(images), tasks.pictures


def test_a_note_that_the_server_has_lost_is_sent_again(workspace: Workspace) -> None:
    server = MemoryServer()
    assert push(workspace, server) == 0
    with workspace.transaction() as db:
        add_annotation(db, ["Many roads."])
        move(db, 1, "sent back", "B. Lee", note="count them")
    assert (push(workspace, server), push(workspace, server)) == (1, 0)
    note = server.tasks[1].data["note"]
    assert "count them" in note
    server.tasks[1].data = {**server.tasks[1].data, "note": ""}  # an older database
    assert (push(workspace, server), push(workspace, server)) == (1, 0)
    assert server.tasks[1].data["note"] == note


def test_a_note_that_is_dealt_with_is_removed_again(workspace: Workspace) -> None:
    server = MemoryServer()
    push(workspace, server)
    server.tasks[2].data = {**server.tasks[2].data, "note": "Sent back to anna@x.org: count"}
    assert (push(workspace, server), push(workspace, server)) == (1, 0)
    assert server.tasks[2].data["note"] == ""


def test_a_note_of_another_copy_of_the_workspace_is_named_when_it_is_removed(
    workspace: Workspace,
) -> None:
    server = MemoryServer()
    push(workspace, server)
    with workspace.transaction() as db:
        add_annotation(db, ["Many roads."])
        move(db, 1, "sent back", "B. Lee", note="count them")
    push(workspace, server)
    with workspace.transaction() as db:
        move(db, 1, "accepted", "B. Lee")
    note = "Sent back to anna@x.org: count"
    server.tasks[2].data = {**server.tasks[2].data, "note": note}
    images = {image.row: image for image in task_images(workspace.db)}
    tasks = Tasks(workspace, cast("Client", server), 1, 1, data_of)
    tasks.refresh()
    # This workspace made the note on the first task itself.
    assert (tasks.update(images), tasks.other_notes) == (2, ["port_2.tif"])
    assert {task.data["note"] for task in server.tasks.values()} == {""}


def test_hints_and_fields_of_others_stay(workspace: Workspace) -> None:
    server = MemoryServer()
    push(workspace, server)
    others = {HINT: "said before", SUGGESTED: ["- port"], "batch": "7"}
    server.tasks[1].data = {**server.tasks[1].data, **others}
    assert push(workspace, server) == 0
    server.tasks[1].data = {**server.tasks[1].data, "image": "http://elsewhere"}
    assert push(workspace, server) == 1
    assert others.items() <= server.tasks[1].data.items()
    assert server.tasks[1].data["image"] == "http://here/image"


def test_a_picture_that_was_changed_on_the_server_is_named_and_restored(
    workspace: Workspace,
) -> None:
    server = MemoryServer()
    assert push_tasks(workspace, server) == (0, [])
    with workspace.transaction() as db:
        add_annotation(db, ["A ship."])
    for task in (1, 2):
        server.tasks[task].data = {**server.tasks[task].data, "image": f"http://other/{task}"}
    other = {"image": "port_1.tif", "task": 1, "address": "http://other/1"}
    pictures = [
        {**other, "annotators": ["anna@x.org"]},
        {**other, "image": "port_2.tif", "task": 2, "address": "http://other/2", "annotators": []},
    ]
    assert push_tasks(workspace, server) == (2, pictures)
    assert {task.data["image"] for task in server.tasks.values()} == {"http://here/image"}
    assert push_tasks(workspace, server) == (0, [])


def test_a_new_place_of_the_images_is_no_changed_picture(workspace: Workspace) -> None:
    def moved(image: TaskImage, note: str) -> dict[str, Any]:
        return {**data_of(image, note), "image": "http://here/moved"}

    server = MemoryServer()
    push(workspace, server)
    assert push_tasks(workspace, server, moved) == (2, [])
    assert [task.image_address for task in tasks_of(workspace.db, 1)] == ["http://here/moved"] * 2
    assert push_tasks(workspace, server, moved) == (0, [])

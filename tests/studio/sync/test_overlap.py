"""Finished tasks that need one more annotator are shown again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.assign import had_by_all
from rsitmd_tools.studio.sync.overlap import show_again
from rsitmd_tools.studio.sync.projects import Project
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import person_of
from tests.builders import add, add_annotation
from tests.studio.sync.memory_server import MemoryServer
from tests.studio.sync.teams import workspace_of

ANNA, BERTA, CLARA = 1, 2, 3


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with a project, three annotators and two images with a task each."""
    with workspace_of(tmp_path / "w", "anna@x.org", "berta@x.org", "clara@x.org") as made:
        with made.transaction() as db:
            add(db, "project")
            for number in (1, 2):
                add(db, "image", number=number)
                add(db, "task", image_id=number)
        yield made


def write(workspace: Workspace, person: int, image: int, state: str = "new") -> None:
    with workspace.transaction() as db:
        add_annotation(
            db,
            ["A ship."],
            state=state,
            task_id=image,
            annotator_id=person,
            server_id=10 * person + image,
        )


def server_of(overlap: int) -> MemoryServer:
    """Return a server on which both tasks have all their annotations."""
    made = MemoryServer(overlap)
    for number in (1, 2):
        made.tasks[number] = SimpleNamespace(
            id=number,
            data={"sha256": f"port {number}"},
            overlap=overlap,
            is_labeled=True,
            total_annotations=overlap,
        )
    return made


def show(workspace: Workspace, server: MemoryServer, owner: str | None = None) -> list[str]:
    person = None if owner is None else person_of(workspace, owner)
    kind = workspace.db.execute("SELECT kind FROM project").fetchone()[0]
    project = Project(row=1, number=1, owner=person, kind=kind, new_page=False)
    return show_again(workspace, cast("Client", server), project)


def test_a_task_with_a_rejected_text_is_shown_to_a_third_annotator(workspace: Workspace) -> None:
    for image in (1, 2):
        write(workspace, ANNA, image, "rejected" if image == 1 else "new")
        write(workspace, BERTA, image)
    server = server_of(overlap=2)
    assert show(workspace, server) == ["port_1.tif"]
    assert (server.tasks[1].overlap, server.tasks[1].is_labeled) == (3, False)
    assert show(workspace, server) == [], "it is shown already"
    server.tasks[1].is_labeled = True  # clara wrote after the last pull
    server.tasks[1].total_annotations = 3
    assert show(workspace, server) == []
    assert server.changed == [1]
    assert had_by_all(workspace) == [], "clara is left"
    write(workspace, CLARA, 1)
    assert show(workspace, server) == []


def test_a_rejected_text_of_an_image_that_everybody_has_had_is_named(workspace: Workspace) -> None:
    with workspace.transaction() as db:
        db.execute("UPDATE annotator SET joined_at = NULL WHERE email LIKE 'clara%'")
    write(workspace, ANNA, 1, "rejected")
    assert had_by_all(workspace) == []
    write(workspace, BERTA, 1)
    assert had_by_all(workspace) == ["port_1.tif"]


@pytest.mark.parametrize("kind", ["main", "pilot"])
def test_a_text_by_somebody_else_does_not_take_a_task_from_its_owner(
    workspace: Workspace, kind: str
) -> None:
    with workspace.transaction() as db:
        db.execute("UPDATE project SET annotator_id = ?, kind = ?", (ANNA, kind))
        for image in (1, 2) if kind == "main" else ():
            add(db, "assignment", annotator_id=ANNA, image_id=image)
    write(workspace, BERTA, 1)
    write(workspace, ANNA, 2)
    write(workspace, BERTA, 2)
    server = server_of(overlap=1)
    assert show(workspace, server, "anna@x.org") == ["port_1.tif"]
    assert (server.tasks[1].overlap, server.tasks[1].is_labeled) == (2, False)
    assert show(workspace, server, "anna@x.org") == []


def test_another_task_with_the_number_is_left_alone(workspace: Workspace) -> None:
    write(workspace, ANNA, 1, "rejected")
    server = server_of(overlap=2)
    server.tasks[1].data = {"sha256": "port 9"}
    assert show(workspace, server) == []

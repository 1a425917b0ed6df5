"""A skipped image goes to somebody else; an image that nobody is left for is named."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import join, members

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorkspace, Tool

pytestmark = pytest.mark.integration

People = list[tuple[str, Annotator]]
SETTINGS = "[annotation]\nannotators_per_image = 1\nkeywords_min = 0\n"


def owner_of(workspace: Workspace, filename: str) -> tuple[str, int]:
    """Return who has an image to do, and the number of their task."""
    row = workspace.db.execute(
        "SELECT email, task.server_id FROM assignment JOIN image ON image.id = assignment.image_id"
        " JOIN annotator ON annotator.id = assignment.annotator_id"
        " JOIN project ON project.annotator_id = annotator.id AND kind = 'main'"
        " JOIN task ON task.project_id = project.id AND task.image_id = image.id"
        " WHERE filename = ?",
        (filename,),
    ).fetchone()
    return row["email"], row["server_id"]


def test_a_skipped_image_is_offered_to_all_and_then_reported(
    make_workspace: MakeWorkspace, annotators: People, tool: Tool
) -> None:
    people = dict(annotators[:2])
    folder = make_workspace(images=2, settings=SETTINGS)
    with Workspace.open(folder, write=True) as workspace:
        for email in people:
            join(workspace, email)
        push(workspace)
        first, task = owner_of(workspace, "harbour_1.tif")
        skip(people[first], task)
        assert pull(workspace).skipped == 1
        report = push(workspace)
        assert (report.new, report.reassigned, report.skipped_by_all) == (1, 1, [])
        second, task = owner_of(workspace, "harbour_1.tif")
        assert second != first
        assert {p.email: p.open for p in members(workspace)} == {first: 0, second: 2}
        skip(people[second], task)
        assert pull(workspace).skipped == 1
    pushed = tool.run("annotate", "push", folder)
    everybody = ", ".join(sorted(people))
    warning = f"warning: harbour_1.tif: skipped by {everybody}; no other annotator is available"
    assert warning in pushed.stderr
    assert "To add an annotator, run: rsitmd annotate users" in pushed.stderr
    assert "tasks: 0 created" in pushed.stdout
    shown = tool.run("annotate", "status", folder)
    assert warning in shown.stderr
    state = json.loads(tool.run("annotate", "status", folder, "--json").stdout)
    assert state["skipped_by_all"] == [{"image": "harbour_1.tif", "skipped_by": sorted(people)}]
    # Somebody new takes it.
    newcomer, person = annotators[2]
    with Workspace.open(folder, write=True) as workspace:
        join(workspace, newcomer)
        assert push(workspace).reassigned == 1
        owner, task = owner_of(workspace, "harbour_1.tif")
        assert owner == newcomer
        person.submit(task, ["Two boats lie here."], [])
        pull(workspace)
        assert push(workspace).skipped_by_all == []


def skip(person: Annotator, task: int) -> None:
    """Skip a task, as the page's button does."""
    person._client.sdk.annotations.create(id=task, result=[], was_cancelled=True)

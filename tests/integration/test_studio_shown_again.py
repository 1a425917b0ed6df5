"""Finished tasks that need one more annotator appear in a queue again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.campaign.status import status
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import join
from rsitmd_tools.workspace.states import move

if TYPE_CHECKING:
    from tests.integration.conftest import MakeWorkspace

pytestmark = pytest.mark.integration

People = list[tuple[str, Annotator]]
SETTINGS = "[annotation]\nannotators_per_image = 2\nkeywords_min = 0\n"


def next_task(person: Annotator, project: int) -> int | None:
    """Return the task that the label stream shows to a person."""
    session: Any = person._client.sdk._client_wrapper.httpx_client
    answer = session.request(f"api/projects/{project}/next", method="GET")
    return int(answer.json()["id"]) if answer.status_code == 200 else None


def tasks(workspace: Workspace, email: str | None = None) -> tuple[int, list[int]]:
    """Return the number of a project on the server and those of its tasks."""
    rows = workspace.db.execute(
        "SELECT project.server_id, task.server_id FROM task"
        " JOIN project ON project.id = project_id"
        " LEFT JOIN annotator ON annotator.id = annotator_id WHERE email IS ? ORDER BY task.id",
        (email,),
    ).fetchall()
    return rows[0][0], [row[1] for row in rows]


def test_after_a_rejection_a_shared_task_goes_to_another_annotator(
    make_workspace: MakeWorkspace, annotators: People
) -> None:
    people = [person for _, person in annotators]
    folder = make_workspace(images=2, settings=f'{SETTINGS}assignment = "shared"\n')
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        project, numbers = tasks(workspace)
        for task in numbers:
            for person in people[:2]:
                person.submit(task, [f"Ship {person.user} lies at quay {task}."], [])
        pull(workspace)
        assert status(workspace)["missing"] == 0
        with workspace.transaction() as db:
            move(db, 1, "rejected", "B. Lee")
        assert next_task(people[2], project) is None
        assert push(workspace).shown_again == ["harbour_1.tif"]
        assert next_task(people[2], project) == numbers[0]
        assert next_task(people[0], project) is None, "she has written for it"
        people[2].submit(numbers[0], ["A third person sees a crane."], [])
        assert push(workspace).shown_again == [], "not pulled yet"
        assert next_task(people[3], project) is None
        pull(workspace)
        assert status(workspace)["missing"] == 0
        assert push(workspace).shown_again == []


def test_a_text_by_somebody_else_leaves_the_task_to_its_owner(
    make_workspace: MakeWorkspace, annotators: People, client: Client
) -> None:
    (anna, hers), (berta, other) = annotators[:2]
    with Workspace.open(make_workspace(images=1, settings=SETTINGS), write=True) as workspace:
        for email in (anna, berta):
            join(workspace, email)
        push(workspace)
        project, [task] = tasks(workspace, anna)
        other.submit(task, ["Berta is in the wrong project."], [])
        other.submit(tasks(workspace, berta)[1][0], ["Berta sees a long pier."], [])
        named = {"image": "harbour_1.tif", "annotator": berta, "owner": anna}
        assert pull(workspace).strangers == [named]
        state = status(workspace)
        assert (state["complete"], state["missing"]) == (0, 1)
        assert next_task(hers, project) is None
        assert push(workspace).shown_again == ["harbour_1.tif"]
        assert next_task(hers, project) == task
        hers.submit(task, ["Anna sees a white ship."], [])
        pull(workspace)
        assert status(workspace)["complete"] == 1

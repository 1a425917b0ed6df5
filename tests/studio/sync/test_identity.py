"""Which task on the server belongs to which image, after changes on the server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rsitmd_tools.studio.sync.identity import Reconciled, data_key, reconcile
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.tasks import tasks_of
from tests.builders import add, add_annotation

FIRST, SECOND = "port 1", "port 2"  # keys of the images
DELETED = {"image": "port_1.tif", "annotator": "a@x", "sentences": 2, "accepted": 0}


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Two tasks, 11 and 12 on the server; the first has an annotation."""
    with Workspace.create(tmp_path / "w") as made:
        with made.transaction() as db:
            add(db, "annotator", email="a@x")
            add(db, "project")
            for number in (1, 2):
                add(db, "image", id=number, number=number)
                add(db, "task", id=number, image_id=number, server_id=number + 10)
            add_annotation(db, ["A ship.", "A pier."])
        yield made


def numbers(workspace: Workspace) -> dict[str, int]:
    return {task.sha256: task.number for task in tasks_of(workspace.db, 1)}


def test_tasks_that_are_where_they_were_do_not_change(workspace: Workspace) -> None:
    assert reconcile(workspace, 1, {11: FIRST}, [12]) == Reconciled()
    assert numbers(workspace) == {FIRST: 11, SECOND: 12}


def test_tasks_that_exchanged_their_numbers_keep_their_images(workspace: Workspace) -> None:
    found = reconcile(workspace, 1, {11: SECOND, 12: FIRST})
    assert found == Reconciled(adopted=["port_1.tif", "port_2.tif"])
    assert numbers(workspace) == {FIRST: 12, SECOND: 11}


def test_a_deleted_task_is_named_once_with_its_annotations(workspace: Workspace) -> None:
    found = reconcile(workspace, 1, {12: SECOND})
    assert found == Reconciled(removed=["port_1.tif"], deletions=[DELETED])
    assert numbers(workspace)[FIRST] < 0
    assert reconcile(workspace, 1, {12: SECOND}) == Reconciled()


def test_a_number_that_another_image_has_now_is_not_that_of_a_deleted_task(
    workspace: Workspace,
) -> None:
    # The number counts as unchanged too: the key decides.
    found = reconcile(workspace, 1, {11: "another image", 12: SECOND}, {11})
    assert found == Reconciled(removed=["port_1.tif"], deletions=[DELETED])


def test_the_first_of_several_copies_is_adopted(workspace: Workspace) -> None:
    assert reconcile(workspace, 1, {31: FIRST, 21: FIRST}, {12}).adopted == ["port_1.tif"]
    assert numbers(workspace)[FIRST] == 21


@pytest.mark.parametrize("data", [None, {}, {"sha256": 7}, {"sha256": None}])
def test_data_without_a_key(data: dict[str, object] | None) -> None:
    assert data_key(data) == ""

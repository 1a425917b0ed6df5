"""What a review reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.review import reviewed_annotations, state_counts
from tests.builders import WHEN, add, add_annotation

ANNA, BERTA = 1, 2


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """Three images: in a shared project, in a project of Anna and in a pilot."""
    with Workspace.create(tmp_path / "w") as made:
        with made.transaction() as db:
            for email in ("anna@x.org", "berta@x.org"):
                add(db, "annotator", email=email)
            for number, columns in enumerate(({}, {"annotator_id": ANNA}, {"kind": "pilot"}), 1):
                # The last image is the first of its category.
                add(db, "image", id=number, number=4 - number)
                add(db, "project", id=number, server_id=number, **columns)
                add(db, "task", id=number, project_id=number, image_id=number)
        yield made


def test_annotations_are_in_the_order_of_images_annotators_and_numbers(
    workspace: Workspace,
) -> None:
    with workspace.transaction() as db:
        for task, author, number in ((1, BERTA, 5), (1, ANNA, 9), (1, ANNA, 8), (2, ANNA, 7)):
            add_annotation(db, ["A."], task_id=task, annotator_id=author, server_id=number)
        add_annotation(db, ["A pilot."], task_id=3, server_id=6)
    found = reviewed_annotations(workspace)
    numbers = dict(workspace.db.execute("SELECT id, server_id FROM annotation").fetchall())
    assert [numbers[one.row] for one in found] == [7, 8, 9, 5]
    assert [one.shared for one in found] == [False, True, True, True]


def test_states_of_pilots_removed_images_and_deleted_texts_are_not_counted(
    workspace: Workspace,
) -> None:
    with workspace.transaction() as db:
        add_annotation(db, ["A."], state="sent back")
        add_annotation(db, ["B."], server_id=2, annotator_id=BERTA, state="accepted")
        add_annotation(db, ["C."], task_id=3, server_id=3)
        add_annotation(db, ["D."], task_id=2, server_id=4, deleted_at=WHEN)
        kept = add_annotation(db, ["E."], task_id=2, server_id=5, deleted_at=WHEN)
        add(db, "sentence", annotation_id=kept, slot=2, raw="F.", state="accepted")
    assert [*state_counts(workspace).items()] == [("accepted", 2), ("sent back", 1)]
    with workspace.transaction() as db:
        add(db, "removed_image", image_id=2, removed_at=WHEN, reason="blurred")
    assert state_counts(workspace) == {"accepted": 1, "sent back": 1}

"""Annotations that leave their task."""

from __future__ import annotations

from pathlib import Path

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.annotations import placed_annotations, withdraw_annotation
from tests.builders import WHEN, add, add_annotation


def test_a_withdrawn_annotation_loses_its_number_and_no_other_one_does(tmp_path: Path) -> None:
    later = "2026-01-02T00:00:00.000000+00:00"
    with Workspace.create(tmp_path / "w") as workspace, workspace.transaction() as db:
        add(db, "annotator")
        add(db, "image")
        for number, server in ((1, "here"), (2, "there")):
            add(db, "project", id=number, server=server)
            add(db, "task", id=number, project_id=number, image_id=1)
        add_annotation(db, ["A."], server_id=7, latest=0)
        add_annotation(db, ["B."], server_id=7, created_at=later, deleted_at=WHEN)
        add_annotation(db, ["C."], server_id=8)
        add_annotation(db, ["D."], server_id=7, task_id=2)  # on another server
        [moved, other] = placed_annotations(db, "here")
        assert (moved.number, other.number) == (7, 8)
        withdraw_annotation(db, moved)
        rows = db.execute("SELECT server_id, latest, deleted_at FROM annotation ORDER BY id")
        assert [tuple(row) for row in rows] == [
            (-moved.row, 0, None),
            (-moved.row, 0, WHEN),  # the time of the deletion stays
            (8, 1, None),
            (7, 1, None),
        ]
        withdraw_annotation(db, other)
        [deleted] = db.execute("SELECT deleted_at FROM annotation WHERE id = 3").fetchone()
        assert deleted is not None

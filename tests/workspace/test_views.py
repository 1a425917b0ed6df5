"""The views of the database: they exist in new workspaces and after a migration."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rsitmd_tools.workspace import Workspace, schema
from rsitmd_tools.workspace.assignments import open_counts
from rsitmd_tools.workspace.projects import MAIN, PILOT, ServerProject, add_project
from tests.builders import add

WHEN = "2026-01-01T00:00:00.000000+00:00"
ANNA, BERTA = 1, 2


def fill(db: sqlite3.Connection) -> None:
    """Store two annotators with a main project and a pilot project each, and one image.

    Anna has annotated the image in both projects; Berta has annotated it in the pilot.
    """
    for email in ("anna@x.org", "berta@x.org"):
        add(db, "annotator", email=email)
    add(db, "image", category="port", number=1)
    for number, (owner, kind) in enumerate(
        [(ANNA, MAIN), (BERTA, MAIN), (ANNA, PILOT), (BERTA, PILOT)], 1
    ):
        project = add_project(db, ServerProject("here", number, "t", "c", WHEN), owner, kind, None)
        add(db, "task", project_id=project, image_id=1, server_id=number)
        if (owner, kind) != (BERTA, MAIN):
            add(db, "annotation", task_id=number, server_id=number, annotator_id=owner)
    for person in (ANNA, BERTA):
        add(db, "assignment", annotator_id=person, image_id=1)


@pytest.mark.parametrize("migrated", [False, True])
def test_views(tmp_path: Path, migrated: bool) -> None:
    folder = tmp_path / "w"
    with Workspace.create(folder) as workspace:
        if not migrated:
            with workspace.transaction() as db:
                fill(db)
    if migrated:
        for file in folder.glob("workspace.db*"):
            file.unlink()
        number = next(n for n, step in enumerate(schema.MIGRATIONS) if "main_task" in step)
        with closing(sqlite3.connect(folder / "workspace.db")) as old:
            for step in schema.MIGRATIONS[:number]:
                old.executescript(step)
            old.execute(f"PRAGMA user_version = {number}")
            fill(old)
            old.commit()
    with Workspace.open(folder, write=True) as workspace:
        db = workspace.db
        owners = db.execute("SELECT owner_id FROM main_task ORDER BY id").fetchall()
        assert [row[0] for row in owners] == [ANNA, BERTA]
        # The annotation of the pilot does not count: Berta's assignment is open.
        assert open_counts(db) == {BERTA: 1}
        assert db.execute("SELECT count(*) FROM live_annotation").fetchone()[0] == 3
        with workspace.transaction():
            db.execute("UPDATE annotation SET deleted_at = ? WHERE task_id = 1", (WHEN,))
        assert open_counts(db) == {ANNA: 1, BERTA: 1}
        assert db.execute("SELECT count(*) FROM live_annotation").fetchone()[0] == 2

"""The views of the database: they exist in new workspaces and after a migration."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rsitmd_tools.dataset.records import UNTOUCHED
from rsitmd_tools.workspace import Workspace, schema
from rsitmd_tools.workspace.assignments import open_counts
from rsitmd_tools.workspace.projects import MAIN, PILOT, ServerProject, add_project
from rsitmd_tools.workspace.states import ACCEPTED, NEW, REJECTED, REPLACED, SENT_BACK
from tests.builders import add

WHEN = "2026-01-01T00:00:00.000000+00:00"
ANNA, BERTA = 1, 2
LEFT_OUT = (SENT_BACK, REPLACED, REJECTED)


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


def test_the_sentences_of_a_release(tmp_path: Path) -> None:
    """One sentence that counts, and one for each reason to leave a sentence out."""
    with Workspace.create(tmp_path / "w") as workspace, workspace.transaction() as db:
        fill(db)
        add(db, "image", category="port", number=2)
        add(db, "task", id=9, project_id=1, image_id=2)
        add(db, "removed_image", image_id=2)
        add(db, "annotation", id=9, task_id=9, annotator_id=ANNA)
        add(db, "sentence", annotation_id=9, raw="of a removed image")
        add(db, "sentence", annotation_id=2, raw="of a pilot")
        for slot, state in enumerate((NEW, ACCEPTED, *LEFT_OUT), 1):
            add(db, "sentence", annotation_id=1, slot=slot, raw=state, state=state)
        add(db, "sentence", annotation_id=1, slot=8, raw="")
        add(db, "sentence", annotation_id=1, slot=9, raw="given", origin=UNTOUCHED)

        def raws(view: str) -> list[tuple[str, int]]:
            return [(row["raw"], row["image_id"]) for row in db.execute(f"SELECT * FROM {view}")]

        assert sorted(raws("usable_sentence")) == [(ACCEPTED, 1), ("given", 1), (NEW, 1)]
        assert sorted(raws("released_sentence")) == [(ACCEPTED, 1), (NEW, 1)]
        # A sentence that was accepted counts when its annotation is deleted, too.
        db.execute("UPDATE annotation SET deleted_at = ? WHERE id = 1", (WHEN,))
        assert raws("released_sentence") == [(ACCEPTED, 1)]

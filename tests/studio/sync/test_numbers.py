"""Annotations whose number belongs to another annotation now, or that were imported again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rsitmd_tools.studio.sync.deletions import mark_deleted
from rsitmd_tools.studio.sync.numbers import adopt_number, free_number
from rsitmd_tools.studio.sync.results import as_result
from rsitmd_tools.workspace import Workspace
from tests.builders import add

EARLY, LATE = "2026-01-01T00:00:00.000000+00:00", "2026-02-01T00:00:00.000000+00:00"
ANNA, BERTA = 1, 2


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with one task and two annotators without annotations."""
    with Workspace.create(tmp_path / "workspace") as made:
        with made.transaction() as db:
            for email in ("anna@x.org", "berta@x.org"):
                add(db, "annotator", email=email)
            add(db, "project")
            add(db, "image")
            add(db, "task", image_id=1)
        yield made


def store(workspace: Workspace, number: int, author: int, *texts: str, made: str = EARLY) -> None:
    """Store revisions of an annotation; the last one is the latest."""
    with workspace.transaction() as db:
        for place, text in enumerate(texts, 1):
            add(
                db,
                "annotation",
                server_id=number,
                updated_at=f"{made[:-1]}{place}",
                created_at=made,
                annotator_id=author,
                result=json.dumps(as_result([text], [])),
                latest=place == len(texts),
            )


def entry(number: int, text: str, made: str = LATE) -> dict[str, Any]:
    """Return an annotation as the server sends it."""
    return {
        "id": number,
        "created_at": made,
        "updated_at": made,
        "result": as_result([text], []),
    }


def rows(workspace: Workspace) -> list[tuple[Any, ...]]:
    found = workspace.db.execute(
        "SELECT server_id, annotator_id, latest, deleted_at IS NOT NULL FROM annotation ORDER BY id"
    )
    return [tuple(row) for row in found]


def follow(workspace: Workspace, entries: list[dict[str, Any]], author: int) -> None:
    """Update the numbers of a task's annotations, as a pull does."""
    present = {one["id"] for one in entries}
    with workspace.transaction() as db:
        for one in entries:
            free_number(db, 1, one)
            adopt_number(db, 1, one, author, present)
        mark_deleted(db, 1, present)


def test_a_number_that_another_annotation_has_is_freed(workspace: Workspace) -> None:
    store(workspace, 5, ANNA, "Two boats.", "Three boats.")
    follow(workspace, [entry(5, "Another text.")], BERTA)
    assert rows(workspace) == [(-2, ANNA, 0, 0), (-2, ANNA, 1, 1)]


def test_the_same_annotation_keeps_its_number(workspace: Workspace) -> None:
    store(workspace, 5, ANNA, "Two boats.", "Three boats.")
    follow(workspace, [entry(5, "Four boats.", made=EARLY)], ANNA)
    assert rows(workspace) == [(5, ANNA, 0, 0), (5, ANNA, 1, 0)]


def test_an_imported_copy_is_the_same_annotation_with_its_author(workspace: Workspace) -> None:
    store(workspace, 5, ANNA, "Two boats.", "Three boats.")
    follow(workspace, [entry(9, "Three boats.")], BERTA)  # imported by Berta
    assert rows(workspace) == [(9, ANNA, 0, 0), (9, ANNA, 1, 0)]
    # The next pull sees the copy again: nothing changes.
    follow(workspace, [entry(9, "Three boats.")], BERTA)
    assert rows(workspace) == [(9, ANNA, 0, 0), (9, ANNA, 1, 0)]
    made = workspace.db.execute("SELECT DISTINCT created_at FROM annotation").fetchall()
    assert [row[0] for row in made] == [EARLY]  # when it was written, not when it was copied


def test_equal_texts_are_distinguished_by_author(workspace: Workspace) -> None:
    store(workspace, 5, ANNA, "Two boats.")
    store(workspace, 6, BERTA, "Two boats.")
    follow(workspace, [entry(9, "Two boats.")], BERTA)
    assert rows(workspace) == [(5, ANNA, 1, 1), (9, BERTA, 1, 0)]


def test_copies_with_exchanged_numbers_are_distinguished(workspace: Workspace) -> None:
    store(workspace, 5, ANNA, "Two boats.")
    store(workspace, 6, BERTA, "Three boats.")
    copies = [entry(6, "Two boats."), entry(7, "Three boats.")]
    follow(workspace, copies, ANNA)
    assert rows(workspace) == [(6, ANNA, 1, 0), (7, BERTA, 1, 0)]


def test_an_empty_annotation_is_not_a_copy_of_another(workspace: Workspace) -> None:
    store(workspace, 5, ANNA)
    with workspace.transaction() as db:
        add(db, "annotation", server_id=5, created_at=EARLY)
        empty = {**entry(9, ""), "result": []}
        adopt_number(db, 1, empty, ANNA, {9})
    assert rows(workspace) == [(5, ANNA, 1, 0)]

"""The sentences that a reviewer can name: those that count now, and those left empty."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from rsitmd_tools.dataset.naming import SentenceName
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.numbering import numbers_before
from rsitmd_tools.workspace.states import ACCEPTED, NEW


@dataclass(frozen=True, slots=True)
class Empty:
    """A sentence that the page asked for and its annotator left empty: it has no row.

    Attributes:
        annotation: Row of the annotation.
        slot: Number of its area on the page.
    """

    annotation: int
    slot: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A sentence of the latest revision of an annotation.

    Attributes:
        key: Its row, or where it would stand.
        image: File name of its image.
        name: Its annotator and number.
        raw: The text; "" for one that was left empty.
        state: One of :mod:`rsitmd_tools.workspace.states`.
        task: Number of its task on the server.
        project: Number of its project on the server.
        shared: Whether several people work in that project.
    """

    key: int | Empty
    image: str
    name: SentenceName
    raw: str
    state: str
    task: int
    project: int
    shared: bool

    @property
    def annotator(self) -> str:
        """Address of its annotator."""
        return str(self.name.annotator)

    @property
    def label(self) -> str:
        """Its name as people read it, with its image."""
        return f"{self.image}, {self.name.label}"


def sentences(workspace: Workspace) -> dict[int | Empty, Entry]:
    """Return all sentences of the latest revisions, those left empty included, by key.

    Annotations of a pilot are left out. Of those that were deleted on the server, accepted
    sentences are there.
    """
    before = numbers_before(workspace)
    asked = workspace.settings.annotation.sentences_asked
    texts: dict[int, dict[int, sqlite3.Row]] = {}
    for row in workspace.db.execute("SELECT id, annotation_id, slot, raw, state FROM sentence"):
        texts.setdefault(row["annotation_id"], {})[row["slot"]] = row
    found: dict[int | Empty, Entry] = {}
    for row in workspace.db.execute(
        "SELECT annotation.id, filename, email, task.server_id AS task,"
        " project.server_id AS project, project.annotator_id AS owner, deleted_at"
        " FROM current_annotation AS annotation"
        " JOIN task ON task.id = task_id JOIN image ON image.id = image_id"
        " JOIN project ON project.id = project_id AND project.kind = 'main'"
        " JOIN annotator ON annotator.id = annotation.annotator_id"
        " ORDER BY image.category, image.number, annotator.id, annotation.server_id"
    ):
        written = texts.get(row["id"], {})
        slots = {*written, *range(1, asked + 1)}
        if row["deleted_at"] is not None:
            slots = {slot for slot, text in written.items() if text["state"] == ACCEPTED}
        for slot in sorted(slots):
            text = written.get(slot)
            number = before.get(row["id"], 0) + slot
            key = Empty(row["id"], slot) if text is None else int(text["id"])
            found[key] = Entry(
                key=key,
                image=row["filename"],
                name=SentenceName(row["email"], number, several=asked > 1 or number > 1),
                raw="" if text is None else text["raw"],
                state=NEW if text is None else text["state"],
                task=row["task"],
                project=row["project"],
                shared=row["owner"] is None,
            )
    return found


def row_of(db: sqlite3.Connection, key: int | Empty) -> int:
    """Return the row of a sentence; one that was left empty gets a row without words.

    Call it inside a transaction. A row without words is never part of a dataset.
    """
    if isinstance(key, int):
        return key
    db.execute(
        "INSERT OR IGNORE INTO sentence (annotation_id, slot, raw) VALUES (?, ?, '')",
        (key.annotation, key.slot),
    )
    row = db.execute(
        "SELECT id FROM sentence WHERE annotation_id = ? AND slot = ?", (key.annotation, key.slot)
    ).fetchone()
    return int(row["id"])

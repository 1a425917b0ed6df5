"""The revisions of annotations that pulls have stored: the table ``annotation``.

An annotation is a task and a number on the server; it has one row for each revision. The number
is only an address: an annotation that lost its number to another one has a negative number.
The functions that change something must be called inside a transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from rsitmd_tools.workspace.states import ACCEPTED, REPLACED
from rsitmd_tools.workspace.store import utc_now

# Rows of the revisions whose sentences are all rejected; the parameter is that state.
# Their keywords do not count.
REJECTED_ANNOTATIONS = (
    "SELECT annotation_id FROM sentence GROUP BY annotation_id HAVING min(state = ?)"
)


class Revision(NamedTuple):
    """A stored revision of an annotation.

    Attributes:
        row: Row in the table ``annotation``.
        updated_at: The server's time of the revision.
        latest: Whether it is the latest revision.
        deleted: Whether a pull found that the annotation was deleted on the server.
    """

    row: int
    updated_at: str
    latest: bool
    deleted: bool


class StoredAnnotation(NamedTuple):
    """A stored revision with its content.

    Attributes:
        row: Row in the table ``annotation``.
        number: Number of the annotation on the server.
        author: Row of the author.
        result: The result in JSON, as the server sent it.
    """

    row: int
    number: int
    author: int
    result: str


@dataclass(frozen=True, slots=True)
class NewRevision:
    """A revision to store.

    Attributes:
        task: Row of the task.
        number: Number of the annotation on the server.
        updated_at: The server's time of the revision.
        created_at: The server's time at which the annotation was created.
        author: Row of the author.
        updated_by: Row of the annotator who made the last change, or None.
        lead_time: Seconds that the author needed, as the server reports them, or None.
        result: The result in JSON.
    """

    task: int
    number: int
    updated_at: str
    created_at: str
    author: int
    updated_by: int | None
    lead_time: float | None
    result: str


class LiveAnnotation(NamedTuple):
    """An annotation that the workspace believes to be on the server.

    Attributes:
        row: Row of the latest revision in the table ``annotation``.
        number: Number of the annotation on the server.
        filename: File name of the image.
        email: Address of the author.
        sentences: Number of sentences.
        accepted: Number of accepted sentences.
    """

    row: int
    number: int
    filename: str
    email: str
    sentences: int
    accepted: int


class PlacedAnnotation(NamedTuple):
    """The latest revision of an annotation and the task under which it is stored.

    Attributes:
        row: Row in the table ``annotation``.
        number: Number of the annotation on the server.
        task: Row of the task.
        project: Row of the project.
        filename: File name of the image.
        sha256: Key of the image.
        email: Address of the author.
        created_at: When the server created the annotation, or its copy at an import.
        pushed_at: When the task was pushed.
    """

    row: int
    number: int
    task: int
    project: int
    filename: str
    sha256: str
    email: str
    created_at: str
    pushed_at: str


def revisions(db: sqlite3.Connection, task: int, number: int) -> list[Revision]:
    """Return the revisions of an annotation, the oldest first."""
    rows = db.execute(
        "SELECT id, updated_at, latest, deleted_at IS NOT NULL FROM annotation"
        " WHERE task_id = ? AND server_id = ? ORDER BY id",
        (task, number),
    )
    return [Revision(row, time, bool(latest), bool(gone)) for row, time, latest, gone in rows]


def add_revision(db: sqlite3.Connection, revision: NewRevision) -> int:
    """Store a revision as the latest one of its annotation; return its row.

    Call :func:`clear_latest` first if the annotation has revisions.
    """
    cursor = db.execute(
        "INSERT INTO annotation (task_id, server_id, updated_at, created_at, annotator_id,"
        " updated_by, lead_time, result, pulled_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            revision.task,
            revision.number,
            revision.updated_at,
            revision.created_at,
            revision.author,
            revision.updated_by,
            revision.lead_time,
            revision.result,
            utc_now(),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def revision_time(db: sqlite3.Connection, annotation: int) -> str:
    """Return the server's time of a revision."""
    row = db.execute("SELECT updated_at FROM annotation WHERE id = ?", (annotation,)).fetchone()
    return str(row["updated_at"])


def server_of_annotation(db: sqlite3.Connection, annotation: int) -> str:
    """Return the key of the server that has the task of an annotation."""
    row = db.execute(
        "SELECT server FROM annotation JOIN task ON task.id = task_id"
        " JOIN project ON project.id = project_id WHERE annotation.id = ?",
        (annotation,),
    ).fetchone()
    return str(row["server"])


def author_email(db: sqlite3.Connection, annotation: int) -> str:
    """Return the address of the author of a revision."""
    row = db.execute(
        "SELECT email FROM annotator WHERE id = (SELECT annotator_id FROM annotation WHERE id = ?)",
        (annotation,),
    ).fetchone()
    return str(row["email"])


def author_of_number(db: sqlite3.Connection, task: int, number: int) -> int | None:
    """Return the author (row) of the last revision of an annotation, or None."""
    row = db.execute(
        "SELECT annotator_id FROM annotation WHERE task_id = ? AND server_id = ?"
        " ORDER BY id DESC LIMIT 1",
        (task, number),
    ).fetchone()
    return None if row is None else int(row["annotator_id"])


def vanished_annotation(
    db: sqlite3.Connection, task: int, author: int, present: Collection[int]
) -> int | None:
    """Return the last annotation of an author that is not on the server any more, or None.

    One whose sentences are all replaced does not count: another annotation has its place.

    Args:
        db: The workspace's database.
        task: Row of the task.
        author: Row of the author.
        present: Numbers of the task's annotations on the server.

    Returns:
        Row of its latest revision.
    """
    rows = db.execute(
        "SELECT id, server_id FROM annotation WHERE task_id = ? AND annotator_id = ? AND latest"
        " AND EXISTS (SELECT 1 FROM sentence WHERE annotation_id = annotation.id AND state <> ?)"
        " ORDER BY updated_at DESC, id DESC",
        (task, author, REPLACED),
    )
    return next((row for row, number in rows if number not in present), None)


def clear_latest(db: sqlite3.Connection, task: int, number: int) -> None:
    """Mark no revision of an annotation as the latest."""
    db.execute(
        "UPDATE annotation SET latest = 0 WHERE task_id = ? AND server_id = ?", (task, number)
    )


def set_latest(db: sqlite3.Connection, annotation: int) -> None:
    """Mark a revision as the latest one and as present on the server."""
    db.execute("UPDATE annotation SET latest = 1, deleted_at = NULL WHERE id = ?", (annotation,))


def live_annotations(db: sqlite3.Connection, task: int) -> list[LiveAnnotation]:
    """Return the annotations of a task that are not marked as deleted."""
    rows = db.execute(
        "SELECT annotation.id, annotation.server_id, filename, email,"
        " (SELECT count(*) FROM sentence WHERE annotation_id = annotation.id),"
        " (SELECT count(*) FROM sentence WHERE annotation_id = annotation.id AND state = ?)"
        " FROM live_annotation AS annotation"
        " JOIN task ON task.id = task_id JOIN image ON image.id = image_id"
        " JOIN annotator ON annotator.id = annotation.annotator_id"
        " WHERE task_id = ? ORDER BY annotation.id",
        (ACCEPTED, task),
    )
    return [LiveAnnotation(*row) for row in rows]


def known_annotations(db: sqlite3.Connection, project: int) -> dict[int, set[int]]:
    """Return the annotations of a project that the workspace believes to be on the server.

    Args:
        db: The workspace's database.
        project: Row of the project.

    Returns:
        The numbers of the annotations by the number of their task, both on the server.
    """
    rows = db.execute(
        "SELECT task.server_id, annotation.server_id FROM live_annotation AS annotation"
        " JOIN task ON task.id = task_id WHERE project_id = ? AND task.server_id > 0",
        (project,),
    )
    known: dict[int, set[int]] = {}
    for task, number in rows:
        known.setdefault(task, set()).add(number)
    return known


def mark_annotations_deleted(db: sqlite3.Connection, annotations: Iterable[int]) -> None:
    """Mark annotations (rows) as deleted on the server."""
    now = utc_now()
    db.executemany(
        "UPDATE annotation SET deleted_at = ? WHERE id = ?",
        [(now, annotation) for annotation in annotations],
    )


def free_annotation_number(db: sqlite3.Connection, task: int, number: int, created_at: str) -> None:
    """Take a number from the annotation of a task that was created at another time.

    Its revisions get a negative number.

    Args:
        db: The workspace's database.
        task: Row of the task.
        number: Number on the server.
        created_at: When the server created the annotation that has the number now.
    """
    other = (
        "FROM annotation WHERE task_id = :task AND server_id = :number"
        " AND coalesce(copied_at, created_at) <> :created_at"
    )
    values = {"task": task, "number": number, "created_at": created_at}
    last = db.execute(f"SELECT max(id) {other}", values).fetchone()[0]
    if last is not None:
        db.execute(
            f"UPDATE annotation SET server_id = :free WHERE id IN (SELECT id {other})",
            {**values, "free": -last},
        )


def latest_of_task(db: sqlite3.Connection, task: int) -> list[StoredAnnotation]:
    """Return the latest revisions of a task's annotations, including deleted annotations."""
    rows = db.execute(
        "SELECT id, server_id, annotator_id, result FROM annotation WHERE task_id = ? AND latest",
        (task,),
    )
    return [StoredAnnotation(*row) for row in rows]


def revisions_of_task(db: sqlite3.Connection, task: int) -> list[StoredAnnotation]:
    """Return all revisions of a task's annotations."""
    rows = db.execute(
        "SELECT id, server_id, annotator_id, result FROM annotation WHERE task_id = ?", (task,)
    )
    return [StoredAnnotation(*row) for row in rows]


def renumber_annotation(
    db: sqlite3.Connection,
    task: int,
    annotation: StoredAnnotation,
    number: int,
    *,
    copied_at: str,
    updated_at: str,
) -> None:
    """Store the new number of an annotation that was imported into the server again.

    Args:
        db: The workspace's database.
        task: Row of the task.
        annotation: The latest revision.
        number: The new number on the server.
        copied_at: When the server created the copy.
        updated_at: The server's time of the copy's last change.
    """
    db.execute(
        "UPDATE annotation SET server_id = ?, copied_at = ? WHERE task_id = ? AND server_id = ?",
        (number, copied_at, task, annotation.number),
    )
    db.execute(
        "UPDATE annotation SET updated_at = ?, deleted_at = NULL WHERE id = ?",
        (updated_at, annotation.row),
    )


def placed_annotations(db: sqlite3.Connection, server: str) -> list[PlacedAnnotation]:
    """Return the latest revisions of all annotations of a server, with their tasks."""
    rows = db.execute(
        "SELECT annotation.id, annotation.server_id, annotation.task_id, project_id, filename,"
        " sha256, email, coalesce(copied_at, annotation.created_at), pushed_at FROM annotation"
        " JOIN task ON task.id = task_id JOIN image ON image.id = image_id"
        " JOIN annotator ON annotator.id = annotation.annotator_id"
        " JOIN project ON project.id = project_id"
        " WHERE latest AND server = ? ORDER BY annotation.id",
        (server,),
    )
    return [PlacedAnnotation(*row) for row in rows]


def withdraw_annotation(db: sqlite3.Connection, annotation: PlacedAnnotation) -> None:
    """Take an annotation out of the dataset; it stays in the history of its task.

    It also loses its number: another annotation may get the number for this task.
    """
    db.execute(
        "UPDATE annotation SET deleted_at = coalesce(deleted_at, ?), latest = 0 WHERE id = ?",
        (utc_now(), annotation.row),
    )
    db.execute(
        "UPDATE annotation SET server_id = ? WHERE task_id = ? AND server_id = ?",
        (-annotation.row, annotation.task, annotation.number),
    )

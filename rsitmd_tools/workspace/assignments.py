"""Which annotator captions which image: the table ``assignment`` and what it is planned from.

The functions that change something must be called inside a transaction.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from rsitmd_tools.workspace.states import REJECTED, SENT_BACK
from rsitmd_tools.workspace.store import utc_now


class Assignment(NamedTuple):
    """An image that an annotator is to caption.

    Attributes:
        row: Row in the table ``assignment``.
        annotator: Row of the annotator.
        image: Row of the image.
    """

    row: int
    annotator: int
    image: int


class Captioner(NamedTuple):
    """An annotator who has captioned an image.

    Attributes:
        annotator: Row of the annotator.
        image: Row of the image.
        rejected: Whether one of the sentences was rejected, or was sent back and its annotator has
            left or was refused.
    """

    annotator: int
    image: int
    rejected: bool


class Skipper(NamedTuple):
    """An annotator who has skipped an image.

    Attributes:
        annotator: Row of the annotator.
        image: Row of the image.
    """

    annotator: int
    image: int


def add_assignments(db: sqlite3.Connection, planned: Iterable[tuple[int, int]]) -> None:
    """Store assignments, given as ``(annotator, image)``."""
    now = utc_now()
    db.executemany(
        "INSERT INTO assignment (annotator_id, image_id, planned_at) VALUES (?, ?, ?)",
        [(annotator, image, now) for annotator, image in planned],
    )


def reassign(db: sqlite3.Connection, assignment: int, annotator: int) -> None:
    """Give the image of an assignment to another annotator."""
    db.execute(
        "UPDATE assignment SET annotator_id = ?, planned_at = ? WHERE id = ?",
        (annotator, utc_now(), assignment),
    )


def remove_assignments(db: sqlite3.Connection, rows: Iterable[int]) -> None:
    """Remove assignments (rows)."""
    db.executemany("DELETE FROM assignment WHERE id = ?", [(row,) for row in rows])


def free_open_images(db: sqlite3.Connection, annotator: int) -> int:
    """Free the images of an annotator that have no annotation of theirs; return their number."""
    freed = db.execute(
        "DELETE FROM assignment WHERE annotator_id = ? AND image_id NOT IN ("
        " SELECT task.image_id FROM live_annotation AS annotation"
        " JOIN main_task AS task ON task.id = annotation.task_id"
        " WHERE annotation.annotator_id = ?)",
        (annotator, annotator),
    )
    return freed.rowcount


def assignments(db: sqlite3.Connection) -> list[Assignment]:
    """Return all assignments in the order in which they were planned."""
    rows = db.execute("SELECT id, annotator_id, image_id FROM assignment ORDER BY id")
    return [Assignment(*row) for row in rows]


def open_assignments(db: sqlite3.Connection) -> list[Assignment]:
    """Return the assignments that are not captioned yet, in the order of planning."""
    rows = db.execute("SELECT id, annotator_id, image_id FROM open_assignment ORDER BY id")
    return [Assignment(*row) for row in rows]


def begun_assignments(db: sqlite3.Connection, tasks: Iterable[int] = ()) -> set[int]:
    """Return the assignments (rows) whose annotator has begun to write, but is not pulled.

    Args:
        db: The workspace's database.
        tasks: Tasks (rows) that count as begun besides those with a draft.
    """
    rows = db.execute(
        "SELECT assignment.id, task.id AS task, drafts FROM assignment JOIN main_task AS task"
        " ON task.image_id = assignment.image_id AND owner_id = assignment.annotator_id"
    )
    begun = set(tasks)
    return {row["id"] for row in rows if row["drafts"] or row["task"] in begun}


def open_counts(db: sqlite3.Connection) -> Counter[int]:
    """Return the number of open assignments of each annotator that has any."""
    rows = db.execute("SELECT annotator_id, count(*) FROM open_assignment GROUP BY annotator_id")
    return Counter(dict(rows.fetchall()))


def captioners(db: sqlite3.Connection) -> list[Captioner]:
    """Return who has captioned which image of the campaign.

    Annotations of a page with other work than the configured one are left out.
    """
    rows = db.execute(
        "SELECT annotation.annotator_id, annotation.image_id, EXISTS ("
        "  SELECT 1 FROM sentence WHERE annotation_id = annotation.id"
        "  AND (state = ? OR (state = ? AND (left_at IS NOT NULL OR pilot = 'refused'))))"
        " FROM finished_annotation AS annotation"
        " JOIN annotator ON annotator.id = annotation.annotator_id",
        (REJECTED, SENT_BACK),
    )
    return [Captioner(annotator, image, bool(rejected)) for annotator, image, rejected in rows]


def repeated_skips(db: sqlite3.Connection, times: int) -> list[Skipper]:
    """Return who has skipped which image at least ``times`` times and has not captioned it."""
    rows = db.execute(
        "SELECT skip.annotator_id, task.image_id"
        " FROM skip JOIN main_task AS task ON task.id = skip.task_id"
        " WHERE NOT EXISTS (SELECT 1 FROM live_annotation AS annotation"
        "  JOIN main_task AS other"
        "  ON other.id = annotation.task_id WHERE other.image_id = task.image_id"
        "  AND annotation.annotator_id = skip.annotator_id)"
        " GROUP BY task.image_id, skip.annotator_id HAVING count(*) >= ?",
        (times,),
    )
    return [Skipper(*row) for row in rows]


def annotation_counts(db: sqlite3.Connection) -> Counter[int]:
    """Return the number of annotations that each image (row) has on the server."""
    rows = db.execute(
        "SELECT task.image_id, count(*) FROM live_annotation AS annotation"
        " JOIN main_task AS task ON task.id = annotation.task_id GROUP BY task.image_id"
    )
    return Counter(dict(rows.fetchall()))


def count_assigned_without_task(db: sqlite3.Connection) -> int:
    """Return the number of images that are assigned to someone who has no task of them.

    A push that was interrupted leaves such images behind.
    """
    row = db.execute(
        "SELECT count(DISTINCT image_id) FROM assignment"
        " WHERE image_id NOT IN (SELECT image_id FROM removed_image) AND NOT EXISTS ("
        " SELECT 1 FROM main_task AS task WHERE task.image_id = assignment.image_id"
        " AND task.owner_id = assignment.annotator_id)"
    ).fetchone()
    return int(row[0])


def images_to_send(db: sqlite3.Connection, annotator: int) -> list[int]:
    """Return the images that the open project of an annotator must hold, as rows.

    Images that the annotator has captioned elsewhere are left out: in a closed project, or in
    a task that was deleted on the server and whose sentences are all accepted.
    """
    rows = db.execute(
        "SELECT image_id FROM assignment WHERE annotator_id = ?"
        " AND image_id NOT IN (SELECT image_id FROM removed_image) AND NOT EXISTS ("
        " SELECT 1 FROM finished_annotation AS annotation"
        " WHERE annotation.image_id = assignment.image_id"
        " AND annotation.annotator_id = assignment.annotator_id"
        " AND (closed_at IS NOT NULL OR deleted_at IS NOT NULL))"
        " ORDER BY assignment.id",
        (annotator,),
    )
    return [row["image_id"] for row in rows]

"""Annotations that were deleted on the server.

Their revisions stay in the workspace. Their sentences leave the dataset, except those that a
reviewer has accepted: these leave it only by the reviewer's decision.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import TypedDict

from rsitmd_tools.workspace.store import utc_now


class Deletion(TypedDict):
    """An annotation that was deleted on the server.

    Attributes:
        image: File name.
        annotator: Address of its author.
        sentences: How many sentences it had.
        accepted: How many of them were accepted: these stay in the dataset.
    """

    image: str
    annotator: str
    sentences: int
    accepted: int


def mark_deleted(
    db: sqlite3.Connection, task: int, present: Collection[int] = ()
) -> list[Deletion]:
    """Mark the annotations of a task that the server no longer has; call it in a transaction.

    Args:
        db: The workspace's database.
        task: Row of the task.
        present: Numbers of the task's annotations on the server.
    """
    gone = [
        row
        for row in db.execute(
            "SELECT annotation.id, annotation.server_id, filename, email,"
            " (SELECT count(*) FROM sentence WHERE annotation_id = annotation.id) AS sentences,"
            " (SELECT count(*) FROM sentence WHERE annotation_id = annotation.id"
            "  AND state = 'accepted') AS accepted"
            " FROM annotation JOIN task ON task.id = task_id JOIN image ON image.id = image_id"
            " JOIN annotator ON annotator.id = annotation.annotator_id"
            " WHERE task_id = ? AND latest AND deleted_at IS NULL ORDER BY annotation.id",
            (task,),
        )
        if row["server_id"] not in present
    ]
    now = utc_now()
    db.executemany(
        "UPDATE annotation SET deleted_at = ? WHERE id = ?", [(now, row["id"]) for row in gone]
    )
    return [
        Deletion(
            image=row["filename"],
            annotator=row["email"],
            sentences=row["sentences"],
            accepted=row["accepted"],
        )
        for row in gone
    ]

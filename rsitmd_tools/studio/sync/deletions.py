"""Annotations that were deleted on the server.

Their revisions stay in the workspace. Their sentences leave the dataset, except accepted
sentences: only a reviewer's decision removes those.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import TypedDict

from rsitmd_tools.workspace.annotations import live_annotations, mark_annotations_deleted


class Deletion(TypedDict):
    """An annotation that was deleted on the server.

    Attributes:
        image: File name of the image.
        annotator: Address of the author.
        sentences: Number of sentences in the annotation.
        accepted: Number of accepted sentences; they stay in the dataset.
    """

    image: str
    annotator: str
    sentences: int
    accepted: int


def mark_deleted(
    db: sqlite3.Connection, task: int, present: Collection[int] = ()
) -> list[Deletion]:
    """Mark the annotations of a task that do not exist on the server any more.

    Call it inside a transaction.

    Args:
        db: The workspace's database.
        task: Row of the task.
        present: Numbers of the task's annotations on the server.
    """
    gone = [entry for entry in live_annotations(db, task) if entry.number not in present]
    mark_annotations_deleted(db, [entry.row for entry in gone])
    return [
        Deletion(
            image=entry.filename,
            annotator=entry.email,
            sentences=entry.sentences,
            accepted=entry.accepted,
        )
        for entry in gone
    ]

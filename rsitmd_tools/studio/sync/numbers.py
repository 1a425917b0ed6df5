"""Annotations whose number on the server changed.

A number is only an address. On SQLite, Label Studio gives the number of a deleted last
annotation to the next annotation. An import gives every annotation a new number.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from typing import Any

from rsitmd_tools.studio.api.client import server_time
from rsitmd_tools.workspace.annotations import (
    free_annotation_number,
    latest_of_task,
    renumber_annotation,
)


def free_number(db: sqlite3.Connection, task: int, entry: dict[str, Any]) -> None:
    """Free the number of a deleted annotation if another annotation of the task has it now.

    The two differ in the time at which they were created. Call it inside a transaction.

    Args:
        db: The workspace's database.
        task: Row of the task.
        entry: The annotation that has the number on the server.
    """
    free_annotation_number(db, task, int(entry["id"]), server_time(entry["created_at"]))


def adopt_number(
    db: sqlite3.Connection,
    task: int,
    entry: dict[str, Any],
    author: int | None,
    present: Collection[int],
) -> None:
    """Store the new number of an annotation that was imported into the server again.

    The annotation is recognised by its result, and by its author if several annotations have
    the same result. The decisions about its sentences stay. Call it inside a transaction.

    Args:
        db: The workspace's database.
        task: Row of the task.
        entry: The annotation as the server has it.
        author: Row of its author on the server; None if they are not known. After an import this
            can be the account that made the import.
        present: Numbers of the task's annotations on the server.
    """
    number = int(entry["id"])
    known = latest_of_task(db, task)
    result = entry.get("result") or []
    if not result or any(annotation.number == number for annotation in known):
        return
    same = [
        annotation
        for annotation in known
        if annotation.number not in present and json.loads(annotation.result) == result
    ]
    if same:
        renumber_annotation(
            db,
            task,
            min(same, key=lambda annotation: annotation.author != author),
            number,
            copied_at=server_time(entry["created_at"]),
            updated_at=server_time(entry["updated_at"]),
        )

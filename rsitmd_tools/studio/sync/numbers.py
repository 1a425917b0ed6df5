"""Annotations whose number on the server changed.

As with tasks, a number is only an address. On SQLite the number of a deleted last annotation
goes to the next one, and an import gives every annotation a new number.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from typing import Any

from rsitmd_tools.studio.api.client import server_time


def free_number(db: sqlite3.Connection, task: int, entry: dict[str, Any]) -> None:
    """Take its number from a deleted annotation of a task where another annotation has it now.

    The time at which an annotation was made tells the two apart. Call it in a transaction.

    Args:
        db: The workspace's database.
        task: Row of the task.
        entry: The annotation that the server has under the number.
    """
    number, created = int(entry["id"]), server_time(entry["created_at"])
    other: sqlite3.Row | None = db.execute(
        "SELECT max(id) AS id FROM annotation WHERE task_id = ? AND server_id = ?"
        " AND coalesce(copied_at, created_at) <> ?",
        (task, number, created),
    ).fetchone()
    if other is not None and other["id"] is not None:
        db.execute(
            "UPDATE annotation SET server_id = ?"
            " WHERE task_id = ? AND server_id = ? AND coalesce(copied_at, created_at) <> ?",
            (-other["id"], task, number, created),
        )


def adopt_number(
    db: sqlite3.Connection,
    task: int,
    entry: dict[str, Any],
    author: int,
    present: Collection[int],
) -> None:
    """Give an annotation its new number where the server has it again after an import.

    It is known by its result, and by its author if several have the same one. What was
    decided about its sentences stays. Call it in a transaction.

    Args:
        db: The workspace's database.
        task: Row of the task.
        entry: The annotation as the server has it.
        author: Row of its author on the server. An import can name whoever imported.
        present: Numbers of the task's annotations on the server.
    """
    number = int(entry["id"])
    rows = db.execute(
        "SELECT id, server_id, annotator_id, result FROM annotation WHERE task_id = ? AND latest",
        (task,),
    ).fetchall()
    if any(row["server_id"] == number for row in rows):
        return
    result = entry.get("result") or []
    same = [
        row
        for row in rows
        if row["server_id"] not in present and json.loads(row["result"]) == result
    ]
    same.sort(key=lambda row: row["annotator_id"] != author)
    if not same or not result:
        return
    db.execute(
        "UPDATE annotation SET server_id = ?, copied_at = ? WHERE task_id = ? AND server_id = ?",
        (number, server_time(entry["created_at"]), task, same[0]["server_id"]),
    )
    db.execute(
        "UPDATE annotation SET updated_at = ?, deleted_at = NULL WHERE id = ?",
        (server_time(entry["updated_at"]), same[0]["id"]),
    )

"""Which task on the server belongs to which image.

The key in a task's data, the SHA-256 of the image's source, is the identity of the task. Its
number is only an address: on SQLite, Label Studio gives the number of a deleted last task to
the next task, and after an export and a new import every number can name another task.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.deletions import Deletion, mark_deleted
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.store import utc_now

KEY = "sha256"
LOOK = 500  # tasks a page when only their keys are looked at


@dataclass(slots=True)
class Reconciled:
    """How the tasks that the workspace knows differ from those on the server.

    Attributes:
        adopted: Images whose task has another number now.
        removed: Images whose task was deleted on the server since the last look.
        deletions: Annotations that went with those tasks.
    """

    adopted: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)


def key_of(task: Any) -> str:
    """Return the key in a task's data; an empty text where it has none."""
    key = (task.data or {}).get(KEY)
    return key if isinstance(key, str) else ""


def known_tasks(workspace: Workspace, project: int) -> dict[int, sqlite3.Row]:
    """Return the tasks of a project (by row) that are on the server, by their number there.

    The rows have all columns of table ``task``, and ``filename`` and ``sha256`` of the image.
    """
    rows = workspace.db.execute(
        "SELECT task.*, filename, sha256 FROM task JOIN image ON image.id = image_id"
        " WHERE project_id = ? AND server_id > 0",
        (project,),
    )
    return {row["server_id"]: row for row in rows}


def look_at_tasks(
    workspace: Workspace, client: Client, project: int, number: int
) -> tuple[dict[str, dict[int, Any]], Reconciled]:
    """Look at all tasks of a project and bring the workspace's numbers up to date.

    Args:
        workspace: The workspace, open to write.
        client: The server.
        project: The project's row.
        number: Its number on the server.

    Returns:
        The data of the server's tasks by key and number, and what had changed.
    """
    there: dict[str, dict[int, Any]] = {}
    for page in client.pages(number, annotations=False, size=LOOK):
        for task in page:
            there.setdefault(key_of(task), {})[int(task.id)] = task.data
    keys = {number: key for key, here in there.items() for number in here}
    return there, reconcile(workspace, project, keys)


def reconcile(
    workspace: Workspace,
    project: int,
    keys: Mapping[int, str],
    unchanged: Collection[int] = (),
) -> Reconciled:
    """Bring the numbers of a project's tasks up to date, in one transaction.

    A task that has another number now keeps its row: its annotations stay with its image. A
    task that is gone gets a negative number; the next push makes it anew.

    Args:
        workspace: The workspace, open to write.
        project: The project's row.
        keys: Key by number of the tasks that the server was asked for.
        unchanged: Numbers of other tasks that exist and did not change since the last look.
    """
    found = Reconciled()
    by_key: dict[str, list[int]] = {}
    for number, key in sorted(keys.items()):
        by_key.setdefault(key, []).append(number)
    known = unchanged if isinstance(unchanged, set) else set(unchanged)
    with workspace.transaction() as db:
        rows = db.execute(
            "SELECT task.id, server_id, filename, sha256 FROM task"
            " JOIN image ON image.id = image_id WHERE project_id = ? ORDER BY task.id",
            (project,),
        ).fetchall()
        elsewhere = [row for row in rows if not _is_there(row, keys, known)]
        # All numbers are freed first: two tasks may have exchanged theirs.
        db.executemany(
            "UPDATE task SET server_id = -id, updated_at = NULL WHERE id = ?",
            [(row["id"],) for row in elsewhere],
        )
        for row in elsewhere:
            numbers = by_key.get(row["sha256"])
            if numbers:
                db.execute(
                    "UPDATE task SET server_id = ?, data_sha256 = NULL, pushed_at = ? WHERE id = ?",
                    (numbers[0], utc_now(), row["id"]),
                )
                found.adopted.append(row["filename"])
                continue
            if row["server_id"] > 0:
                found.removed.append(row["filename"])
            found.deletions += mark_deleted(db, row["id"])
    return found


def _is_there(row: sqlite3.Row, keys: Mapping[int, str], unchanged: Collection[int]) -> bool:
    number = row["server_id"]
    return keys[number] == row["sha256"] if number in keys else number in unchanged

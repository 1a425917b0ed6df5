"""Pictures of tasks that somebody changed on the server.

Every member can change the data of a task. Its texts can then describe another image. The next
push restores the data.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, TypedDict

from rsitmd_tools.annotation_templates import IMAGE
from rsitmd_tools.workspace.annotations import live_annotations
from rsitmd_tools.workspace.tasks import Task


class ChangedPicture(TypedDict):
    """A task that shows another picture than the one that was sent.

    Attributes:
        image: File name of the task's image.
        task: Number of the task on the server.
        address: Address of the picture that it shows.
        annotators: Addresses of the annotators who wrote about the task.
    """

    image: str
    task: int
    address: str
    annotators: list[str]


def changed_picture(
    db: sqlite3.Connection, task: Task, data: Mapping[str, Any] | None
) -> ChangedPicture | None:
    """Return the other picture that a task shows; None if it shows the one that was sent.

    Args:
        db: The workspace's database.
        task: The task in the workspace.
        data: Its data on the server.
    """
    address = (data or {}).get(IMAGE)
    if task.image_address in (None, address):
        return None
    return {
        "image": task.filename,
        "task": task.number,
        "address": str(address),
        "annotators": [annotation.email for annotation in live_annotations(db, task.row)],
    }

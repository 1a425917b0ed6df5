"""Changing a task's data: what is read is what is written over.

The server takes the data of a task whole. A note of the lead and a hint of the assist, written
by two programs at the same moment, would put each other out: so reading and writing are one
step, which one program of a workspace takes at a time.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.client import Client, Refused
from rsitmd_tools.studio.sync.identity import key_of

LOCK = ".tasks.lock"
NOT_FOUND = 404
# Addresses of images as they are stored, not as a browser is sent to them.
PLAIN = {"additional_query_parameters": {"resolve_uri": "false"}}
Data = dict[str, Any]


class OtherTask(RsitmdError):
    """The server has no task of this number, or it is the task of something else."""


def change_data(
    client: Client,
    studio: Path,
    task: int,
    key: str,
    change: Callable[[Mapping[str, Any]], Data | None],
) -> bool:
    """Change the data of a task.

    Args:
        client: The server.
        studio: The workspace's folder ``studio/``.
        task: The task's number on the server.
        key: The key that the task's data must have; see :mod:`rsitmd_tools.studio.sync.identity`.
        change: Given the data, returns the new ones; None leaves them.

    Returns:
        Whether anything was written.

    Raises:
        OtherTask: The task is gone, or the number belongs to another task now.
        RsitmdError: The server is unreachable or refuses.
    """
    with (studio / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # freed as the file is closed, or its holder killed
        try:
            found = client.call(client.sdk.tasks.get, id=str(task), request_options=PLAIN)
        except Refused as error:
            if error.status != NOT_FOUND:
                raise
            found = None
        if found is None or key_of(found) != key:
            raise OtherTask(
                "the server has no such task, or another one under its number",
                where=f"task {task}",
                hint="run the same command again",
            )
        old = found.data or {}
        new = change(old)
        if new is None or new == old:
            return False
        client.call(client.sdk.tasks.update, id=str(task), data=new)
        return True

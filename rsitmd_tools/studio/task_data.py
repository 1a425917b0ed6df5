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

from rsitmd_tools.studio.client import Client

LOCK = ".tasks.lock"
# Addresses of images as they are stored, not as a browser is sent to them.
PLAIN = {"additional_query_parameters": {"resolve_uri": "false"}}
Data = dict[str, Any]


def change_data(
    client: Client, studio: Path, task: int, change: Callable[[Mapping[str, Any]], Data | None]
) -> bool:
    """Change the data of a task.

    Args:
        client: The server.
        studio: The workspace's folder ``studio/``.
        task: The task's number on the server.
        change: Given the data, returns the new ones; None leaves them.

    Returns:
        Whether anything was written.

    Raises:
        RsitmdError: The server is unreachable or refuses; the task is not there.
    """
    with (studio / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # freed as the file is closed, or its holder killed
        old = client.call(client.sdk.tasks.get, id=str(task), request_options=PLAIN).data or {}
        new = change(old)
        if new is None or new == old:
            return False
        client.call(client.sdk.tasks.update, id=str(task), data=new)
        return True

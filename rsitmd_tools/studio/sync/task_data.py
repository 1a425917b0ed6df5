"""Change the data of a task without losing the changes of another program.

Label Studio replaces the data of a task as a whole. If two programs changed them at the same
time, one by a note and one by a hint, one change would be lost. So reading and writing are done
under a lock, which one program of a workspace holds at a time.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.calls import Refused
from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.studio.sync.identity import key_of

LOCK = ".tasks.lock"
NOT_FOUND = 404
# Return the addresses of images as stored, not as resolved for a browser.
PLAIN = {"additional_query_parameters": {"resolve_uri": "false"}}
Data = dict[str, Any]


class OtherTask(RsitmdError):
    """The server has no task with this number, or it is another task."""


def change_data(
    client: Client,
    studio: Path,
    task: int,
    key: str,
    change: Callable[[Mapping[str, Any]], Data | None],
) -> str | None:
    """Change the data of a task.

    Args:
        client: The server.
        studio: The workspace's folder ``studio/``.
        task: The task's number on the server.
        key: The key that the task's data must have; see :mod:`rsitmd_tools.studio.sync.identity`.
        change: Returns the new data, given the old data; None changes nothing.

    Returns:
        The server's time of the change; None if nothing was changed.

    Raises:
        OtherTask: The task is gone, or the number belongs to another task now.
        RsitmdError: The server is unreachable or refuses.
    """
    with (studio / LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file is closed or the process ends
        try:
            found = client.call(client.sdk.tasks.get, id=str(task), request_options=PLAIN)
        except Refused as error:
            if error.status != NOT_FOUND:
                raise
            found = None
        if found is None or key_of(found) != key:
            raise OtherTask(
                "the task was deleted on the server, or its number belongs to another task",
                where=f"task {task}",
                hint="run the same command again",
            )
        old = found.data or {}
        new = change(old)
        if new is None or new == old:
            return None
        changed = client.call(client.sdk.tasks.update, id=str(task), data=new)
        return server_time(changed.updated_at)

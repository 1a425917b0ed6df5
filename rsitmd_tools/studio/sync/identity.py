"""Which task on the server belongs to which image.

The key in a task's data, the SHA-256 of the image's source, is the identity of the task. Its
number is only an address: on SQLite, Label Studio gives the number of a deleted last task to
the next task, and after an export and a new import every number can belong to another task.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rsitmd_tools.errors import command_line
from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.studio.sync.deletions import Deletion, mark_deleted
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.projects import ProjectRecord, move_projects
from rsitmd_tools.workspace.tasks import Task, free_task_numbers, renumber_task, tasks_of

KEY = "sha256"
KEYS_PAGE = 500  # tasks in one request for keys
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Reconciled:
    """How the tasks that the workspace knows differ from those on the server.

    Attributes:
        adopted: Images whose task has another number now.
        removed: Images whose task was deleted on the server since the last comparison.
        deletions: Annotations that were deleted with those tasks.
    """

    adopted: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)


def projects_there(
    workspace: Workspace,
    client: Client,
    projects: Sequence[ProjectRecord],
    *,
    warn: bool = True,
) -> list[ProjectRecord]:
    """Return those of these projects that are on the server.

    Args:
        workspace: The workspace.
        client: The server.
        projects: Projects in the workspace.
        warn: Warn of each open project that is not on the server.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """
    listed = client.call(lambda: list(client.sdk.projects.list(include="id,created_at")))
    # On SQLite, another project can have the number of a deleted project.
    there = {(int(entry.id), server_time(entry.created_at)) for entry in listed}
    found = []
    for project in projects:
        if (project.number, project.created_at) in there:
            found.append(project)
        elif warn and project.closed_at is None:
            push = command_line("annotate", "push", workspace.path)
            log.warning(
                "project %s was deleted on the server. To create it again, run: %s",
                project.number,
                push,
            )
    return found


def follow_projects(
    workspace: Workspace, client: Client, listed: Sequence[Any] | None = None
) -> None:
    """Store that a server has projects that the workspace knows under another address.

    Without it, no pull would read the closed projects of a server that has a new address: only
    open ones are found again by a push.

    Args:
        workspace: The workspace, open to write.
        client: The server.
        listed: All projects of the server; read if None.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """
    if listed is None:
        listed = client.call(lambda: list(client.sdk.projects.list(include="id,created_at")))
    there = {(int(entry.id), server_time(entry.created_at)) for entry in listed}
    with workspace.transaction() as db:
        move_projects(db, client.connection.key, there)


def key_of(task: Any) -> str:
    """Return the key of a task; an empty string if the task has no key."""
    return data_key(task.data)


def data_key(data: Mapping[str, Any] | None) -> str:
    """Return the key in a task's data; an empty string if the data have no key."""
    key = (data or {}).get(KEY)
    return key if isinstance(key, str) else ""


def read_tasks(
    workspace: Workspace, client: Client, project: int, number: int
) -> tuple[dict[str, dict[int, Any]], Reconciled]:
    """Read all tasks of a project and update the numbers in the workspace.

    Args:
        workspace: The workspace, open to write.
        client: The server.
        project: Row of the project.
        number: Number of the project on the server.

    Returns:
        The data of the server's tasks by key and number, and what had changed.
    """
    on_server: dict[str, dict[int, Any]] = {}
    for page in client.pages(number, annotations=False, size=KEYS_PAGE):
        for task in page:
            on_server.setdefault(key_of(task), {})[int(task.id)] = task.data
    keys = {number: key for key, copies in on_server.items() for number in copies}
    return on_server, reconcile(workspace, project, keys)


def reconcile(
    workspace: Workspace,
    project: int,
    keys: Mapping[int, str],
    unchanged: Collection[int] = (),
) -> Reconciled:
    """Update the numbers of a project's tasks in the workspace, in one transaction.

    A task that has another number now keeps its row, so its annotations stay with its image.
    A task that was deleted gets a negative number; the next push creates it again.

    Args:
        workspace: The workspace, open to write.
        project: Row of the project.
        keys: Keys of the tasks that were read from the server, by number.
        unchanged: Numbers of other tasks that exist and have not changed since the last
            comparison.
    """
    found = Reconciled()
    by_key: dict[str, list[int]] = {}
    for number, key in sorted(keys.items()):
        by_key.setdefault(key, []).append(number)
    known = set(unchanged)
    with workspace.transaction() as db:
        moved = [task for task in tasks_of(db, project) if not _is_there(task, keys, known)]
        # All numbers are freed first, because two tasks may have exchanged theirs.
        free_task_numbers(db, [task.row for task in moved])
        for task in moved:
            numbers = by_key.get(task.sha256)
            if numbers:
                renumber_task(db, task.row, numbers[0])
                found.adopted.append(task.filename)
                continue
            if task.number > 0:
                found.removed.append(task.filename)
            found.deletions += mark_deleted(db, task.row)
    return found


def _is_there(task: Task, keys: Mapping[int, str], unchanged: Collection[int]) -> bool:
    if task.number in keys:
        return keys[task.number] == task.sha256
    return task.number in unchanged

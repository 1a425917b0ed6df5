"""The tasks of images that were removed from the dataset."""

from __future__ import annotations

from typing import Any

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.identity import key_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.tasks import free_task_numbers, tasks_of_removed


def close_removed(
    workspace: Workspace, client: Client, project: int, number: int
) -> tuple[list[str], list[str]]:
    """Take the tasks of removed images out of the queue of a project.

    A task that nobody has written in is deleted on the server; if the image is restored, the next
    push makes a new one. A task with a text, a skip or a draft stays, because deleting it would
    delete the text. Its note says that the image was removed.

    Args:
        workspace: The workspace, open to write.
        client: The server.
        project: Row of the project.
        number: Number of the project on the server.

    Returns:
        File names of the images whose task was deleted, and of those whose task stays.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """
    tasks = {task.number: task for task in tasks_of_removed(workspace.db, project)}
    closed: list[str] = []
    kept: list[str] = []
    if not tasks:
        return closed, kept
    for page in client.pages(number, only=sorted(tasks)):
        for entry in page:
            task = tasks[int(entry.id)]
            if key_of(entry) != task.sha256:
                continue  # another task has the number now: the next push finds it
            if _is_used(entry):
                kept.append(task.filename)
                continue
            client.call(client.sdk.tasks.delete, id=str(entry.id))
            with workspace.transaction() as db:
                free_task_numbers(db, [task.row])
            closed.append(task.filename)
    return closed, kept


def _is_used(task: Any) -> bool:
    return bool(task.annotations or getattr(task, "draft_exists", False))

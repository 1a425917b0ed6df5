"""The tasks of images that were removed from the dataset."""

from __future__ import annotations

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.unused import delete_unused
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
    keys = {task.number: task.sha256 for task in tasks.values()}
    for task_number, deleted in delete_unused(client, number, keys):
        (closed if deleted else kept).append(tasks[task_number].filename)
        if deleted:
            with workspace.transaction() as db:
                free_task_numbers(db, [tasks[task_number].row])
    return closed, kept

"""Delete tasks that have no text, no skip and no draft."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.identity import key_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.tasks import tasks_of


def delete_unused(
    client: Client, number: int, keys: Mapping[int, str]
) -> Iterator[tuple[int, bool]]:
    """Delete the given tasks, except those in which somebody has written.

    Args:
        client: The server.
        number: Number of the project on the server.
        keys: Keys of the tasks by number. A task that has another key on the server is left out.

    Yields:
        The number of each task, and whether it was deleted. The others have a text, a skip or a
        draft.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """
    for page in client.pages(number, only=sorted(keys)):
        for listed in page:
            task = listed
            if not _is_used(listed):
                # Somebody may have written in it since the page was read, which can be minutes ago.
                again = [one for part in client.pages(number, only=[listed.id]) for one in part]
                if not again:
                    continue
                task = again[0]
            if key_of(task) != keys[int(task.id)]:
                continue
            used = _is_used(task)
            if not used:
                client.call(client.sdk.tasks.delete, id=str(task.id))
            yield int(task.id), not used


def delete_copies(
    workspace: Workspace, client: Client, project: int, number: int, keys: Mapping[int, str]
) -> list[str]:
    """Delete the second tasks of images, unless somebody has written in them.

    If the server answers too late, a push is repeated, and the server may create both tasks. Then
    annotators could write texts in the second task, which no pull stores.

    Args:
        workspace: The workspace.
        client: The server.
        project: Row of the project.
        number: Number of the project on the server.
        keys: Keys of the project's tasks on the server, by number.

    Returns:
        File names of the images, one for each task that was deleted.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """
    first = {task.sha256: task for task in tasks_of(workspace.db, project)}
    copies = {
        copy: key
        for copy, key in keys.items()
        if key in first and first[key].number in keys and first[key].number != copy
    }
    if not copies:
        return []
    return [
        first[copies[copy]].filename
        for copy, deleted in delete_unused(client, number, copies)
        if deleted
    ]


def _is_used(task: Any) -> bool:
    return bool(task.annotations or getattr(task, "draft_exists", False))

"""Bring the tasks on the server up to date without sending new ones."""

from __future__ import annotations

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.identity import projects_there
from rsitmd_tools.studio.sync.notes import SENT_BACK_NOTE, notes
from rsitmd_tools.studio.sync.tabs import ensure_sent_back_tab
from rsitmd_tools.studio.sync.task_content import TaskContent
from rsitmd_tools.studio.sync.tasks import Tasks
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.projects import projects_of


def update_tasks(workspace: Workspace, client: Client) -> int:
    """Send the current notes and captions to the tasks that are on the server.

    Notes that are dealt with are removed. Tasks that are up to date are not changed. Projects that
    were deleted on the server are left out, with a warning.

    Args:
        workspace: The workspace, open to write.
        client: The server.

    Returns:
        The number of tasks that were changed.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """
    content = TaskContent(workspace, client)
    changed = 0
    known = projects_of(workspace.db, client.connection.key)
    for project in projects_there(workspace, client, known):
        data = content.data_for(project.kind)
        tasks = Tasks(workspace, client, project.row, project.number, data)
        content.prepare([content.images[image] for image in tasks.known()])
        changed += tasks.update(content.images)
        if any(SENT_BACK_NOTE in note for note in notes(workspace, project.row).values()):
            ensure_sent_back_tab(workspace, client, project.number)
    return changed

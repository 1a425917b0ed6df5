"""Where uploaded images lie on the server: one project without tasks for all of a campaign.

The server takes image files only into a project whose page shows nothing else of a task, and
ours shows a note too. One store also means that five people's projects need one copy.
"""

from __future__ import annotations

from typing import Any

from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.workspace import Workspace

PAGE = '<View><Image name="image" value="$image"/></View>'
TITLE = "image files (nothing to do here)"


def image_store(workspace: Workspace, client: Client) -> int:
    """Return the number of the store; it is made when the server has none.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """
    fact = f"image-store.{client.connection.key}"
    marker = f"rsitmd-tools images {workspace.fact('campaign')}"
    there: list[Any] = client.call(lambda: list(client.sdk.projects.list()))
    known = workspace.fact(fact)
    for project in there:
        if known == _mark(project) or project.description == marker:
            break
    else:
        project = client.call(
            client.sdk.projects.create,
            safe=False,
            title=TITLE,
            description=marker,
            label_config=PAGE,
        )
    if known != _mark(project):
        with workspace.transaction():
            workspace.set_fact(fact, _mark(project))
    return int(project.id)


def _mark(project: Any) -> str:
    return f"{project.id} {server_time(project.created_at)}"

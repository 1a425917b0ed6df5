"""The image store: one project without tasks that holds all uploaded images of a campaign.

Label Studio accepts image files only in a project whose labeling page shows no other data of a
task, and the pages of this tool show a note too. With one store, all projects of a campaign
share one copy of each image.
"""

from __future__ import annotations

from typing import Any

from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.workspace import Workspace

PAGE = '<View><Image name="image" value="$image"/></View>'
TITLE = "image files (nothing to do here)"


def image_store(workspace: Workspace, client: Client) -> int:
    """Return the number of the store project; it is created if the server does not have it.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """
    fact = f"image-store.{client.connection.key}"
    marker = f"rsitmd-tools images {workspace.fact('campaign')}"
    listed: list[Any] = client.call(lambda: list(client.sdk.projects.list()))
    known = workspace.fact(fact)
    for project in listed:
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

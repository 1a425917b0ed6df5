"""Tasks that have all their annotations on the server and need one more.

Label Studio shows a task to nobody who has not annotated it once as many annotators as its overlap
have. That is wrong if one of their texts was rejected, and if somebody else wrote in the project
of an annotator. So the overlap of such a task is raised.
"""

from __future__ import annotations

from collections.abc import Mapping

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.assign import wanting
from rsitmd_tools.studio.sync.identity import key_of
from rsitmd_tools.studio.sync.projects import Project
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.tasks import annotators_of_tasks, known_tasks, open_images_of_owner


def show_again(workspace: Workspace, client: Client, project: Project) -> list[str]:
    """Let the server show the tasks of a project that need more annotators than they have.

    Args:
        workspace: The workspace.
        client: The server.
        project: The project.

    Returns:
        File names of the images whose task is shown again.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """
    usual = 1 if project.owner else workspace.settings.annotation.annotators_per_image
    missing = _missing(workspace, project)
    have = annotators_of_tasks(workspace.db, project.row)
    tasks = {
        number: task
        for number, task in known_tasks(workspace.db, project.row).items()
        if missing.get(task.image) and have[task.row] + missing[task.image] > usual
    }
    shown = []
    for page in client.pages(project.number, only=sorted(tasks), annotations=False):
        for entry in page:
            task = tasks[int(entry.id)]
            overlap = have[task.row] + missing[task.image]
            finished = entry.is_labeled and entry.total_annotations < overlap
            hidden = finished or entry.overlap < overlap
            if key_of(entry) != task.sha256 or not hidden:
                continue
            client.call(
                client.sdk.tasks.update, id=str(entry.id), overlap=overlap, is_labeled=False
            )
            shown.append(task.filename)
    return shown


def _missing(workspace: Workspace, project: Project) -> Mapping[int, int]:
    """Return how many annotators each image (row) still needs in a project."""
    if project.owner is not None:
        return dict.fromkeys(open_images_of_owner(workspace.db, project.row), 1)
    return {need.image: need.missing for need in wanting(workspace)}

"""URLs of tasks on the server, for reports."""

from __future__ import annotations

from collections.abc import Mapping

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.tasks import first_tasks_on


def task_links(dataset: Dataset) -> Mapping[str, str]:
    """Return the URL of each image's first task on the current server, by file name.

    The current server is the connected one, else the workspace's own server if it runs.
    """
    if dataset.format != "workspace":
        return {}
    with Workspace.open(dataset.source) as workspace:
        try:
            connection = connection_of(workspace)
        except (RsitmdError, OSError):  # only the owner may be able to read the folder
            return {}
        tasks = first_tasks_on(workspace.db, connection.key)
    page = connection.page.rstrip("/")
    return {
        name: f"{page}/projects/{number.project}/data?task={number.task}"
        for name, number in tasks.items()
    }

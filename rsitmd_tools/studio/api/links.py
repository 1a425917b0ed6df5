"""Addresses of tasks on the server, for pages that people open."""

from __future__ import annotations

from collections.abc import Mapping

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.workspace import Workspace


def task_links(dataset: Dataset) -> Mapping[str, str]:
    """Return the address of each image's first task on the Label Studio in use.

    That is the server the workspace is connected to, else its own while it runs.
    """
    if dataset.format != "workspace":
        return {}
    with Workspace.open(dataset.source) as workspace:
        try:
            connection = connection_of(workspace)
        except (RsitmdError, OSError):  # the folder may be readable by its owner only
            return {}
        rows = workspace.db.execute(
            "SELECT image.filename, min(task.id), task.server_id AS task, project.server_id AS"
            " project FROM task JOIN image ON image.id = task.image_id"
            " JOIN project ON project.id = task.project_id"
            # The numbers of another server mean other tasks on this one.
            " WHERE project.server = ? AND task.server_id > 0 GROUP BY image.id",
            (connection.key,),
        ).fetchall()
    data = f"{connection.page.rstrip('/')}/projects/{{project}}/data?task={{task}}"
    return {row["filename"]: data.format(project=row["project"], task=row["task"]) for row in rows}

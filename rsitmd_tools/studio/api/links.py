"""URLs of tasks on the server, for reports."""

from __future__ import annotations

from collections.abc import Mapping

from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.workspace import Workspace


def task_links(dataset: Dataset) -> Mapping[str, str]:
    """Return the URL of each image's first task on the current server, by file name.

    The current server is the connected one, else the workspace's own server if it runs.
    """
    if dataset.format != "workspace":
        return {}
    with Workspace.open(dataset.source) as workspace:
        try:
            connection = connection_of(workspace)
        except (RsitmdError, OSError):  # the folder may be readable only by its owner
            return {}
        rows = workspace.db.execute(
            "SELECT image.filename, min(task.id), task.server_id AS task, project.server_id AS"
            " project FROM task JOIN image ON image.id = task.image_id"
            " JOIN project ON project.id = task.project_id"
            # Task numbers of other servers are not valid on this one.
            " WHERE project.server = ? AND task.server_id > 0 GROUP BY image.id",
            (connection.key,),
        ).fetchall()
    data = f"{connection.page.rstrip('/')}/projects/{{project}}/data?task={{task}}"
    return {row["filename"]: data.format(project=row["project"], task=row["task"]) for row in rows}

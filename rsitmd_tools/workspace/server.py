"""What the workspace knows about one Label Studio server: projects and task numbers."""

from __future__ import annotations

from dataclasses import dataclass

from rsitmd_tools.workspace.store import Workspace


@dataclass(frozen=True, slots=True)
class OpenProject:
    """An open project on a server.

    Attributes:
        row: Row in table ``project``.
        server_id: Number of the project on the server.
        pilot: Whether it is a project of a pilot.
    """

    row: int
    server_id: int
    pilot: bool


@dataclass(frozen=True, slots=True)
class TaskNumber:
    """The place of an image on a server.

    Attributes:
        project: Number of the project on the server.
        task: Number of the task on the server.
    """

    project: int
    task: int


def open_projects_on(workspace: Workspace, server: str) -> list[OpenProject]:
    """Return the open projects on a server, oldest first.

    Args:
        workspace: The workspace.
        server: Key of the server (column ``project.server``).
    """
    rows = workspace.db.execute(
        "SELECT id, server_id, kind FROM project WHERE server = ? AND closed_at IS NULL"
        " ORDER BY id",
        (server,),
    )
    return [OpenProject(row["id"], row["server_id"], row["kind"] == "pilot") for row in rows]


def first_tasks_on(workspace: Workspace, server: str) -> dict[str, TaskNumber]:
    """Return the first task of each image on a server, by file name.

    Args:
        workspace: The workspace.
        server: Key of the server. The same number on another server is another task.
    """
    rows = workspace.db.execute(
        "SELECT image.filename, min(task.id), task.server_id AS task, project.server_id AS"
        " project FROM task JOIN image ON image.id = task.image_id"
        " JOIN project ON project.id = task.project_id"
        " WHERE project.server = ? AND task.server_id > 0 GROUP BY image.id",
        (server,),
    )
    return {row["filename"]: TaskNumber(row["project"], row["task"]) for row in rows}


def last_server(workspace: Workspace, prefix: str) -> str | None:
    """Return the key of the server with the newest project; None if nothing was pushed.

    Args:
        workspace: The workspace.
        prefix: Only consider servers whose key starts with this prefix.
    """
    row = workspace.db.execute(
        "SELECT server FROM project WHERE server LIKE ? ORDER BY id DESC LIMIT 1", (f"{prefix}%",)
    ).fetchone()
    return None if row is None else str(row["server"])

"""``annotate push``: one task an image, never twice."""

from __future__ import annotations

import shlex
import sqlite3
from dataclasses import dataclass

from rsitmd_tools.annotation_templates import IMAGE
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.progress import progress
from rsitmd_tools.studio.client import Client, connection_of
from rsitmd_tools.studio.delivery import deliver
from rsitmd_tools.studio.project import Project, ensure_project
from rsitmd_tools.studio.renditions import make_renditions
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.store import utc_now

BATCH = 200
KEY = "sha256"


@dataclass(frozen=True, slots=True)
class PushReport:
    """What a push did.

    Attributes:
        url: The project's page.
        new: Tasks made.
        found: Tasks that stood on the server already, made by an interrupted push.
        known: Tasks pushed before.
    """

    url: str
    new: int
    found: int
    known: int


def push(workspace: Workspace) -> PushReport:
    """Send every image of the workspace as a task.

    The content hash in each task's data is its key: what the server has is looked up
    before anything is sent, so a killed push can be run again.

    Raises:
        RsitmdError: There is no image, or the server is unreachable or refuses.
    """
    client = Client(connection_of(workspace))
    images = workspace.db.execute("SELECT * FROM image ORDER BY category, number").fetchall()
    if not images:
        raise RsitmdError(
            "holds no images",
            where=workspace.path,
            mend="run: "
            + shlex.join(["rsitmd", "build", "ingest", str(workspace.path), "FOLDER_OF_IMAGES"]),
        )
    make_renditions(workspace, [row["filename"] for row in images])
    project = ensure_project(workspace, client)
    known = _known(workspace, project)
    found = 0
    waiting = [row for row in images if row["id"] not in known]
    if waiting or project.tasks != len(known):
        found, waiting = _reconcile(workspace, client, project, images)
    addresses = deliver(workspace, client, project.number, waiting)
    with progress("push", len(waiting)) as step:
        for first in range(0, len(waiting), BATCH):
            batch = waiting[first : first + BATCH]
            _send(workspace, client, project, batch, addresses)
            step(len(batch))
    return PushReport(
        url=f"{client.connection.url}/projects/{project.number}/data",
        new=len(waiting),
        found=found,
        known=len(images) - len(waiting) - found,
    )


def _known(workspace: Workspace, project: Project) -> dict[int, int]:
    """Return the server's task number by image row."""
    rows = workspace.db.execute(
        "SELECT image_id, server_id FROM task WHERE project_id = ?", (project.row,)
    )
    return {row["image_id"]: row["server_id"] for row in rows}


def _reconcile(
    workspace: Workspace, client: Client, project: Project, images: list[sqlite3.Row]
) -> tuple[int, list[sqlite3.Row]]:
    """Look up what the server has; return how many tasks were found and what is missing."""
    on_server: dict[str, list[int]] = {}
    for page in client.pages(project.number, annotations=False, size=500):
        for task in page:
            key = (task.data or {}).get(KEY)
            if isinstance(key, str):
                on_server.setdefault(key, []).append(int(task.id))
    known = _known(workspace, project)
    found = [
        (row["id"], on_server[row["sha256"]][0])
        for row in images
        # A copy that somebody imported beside a task we know changes nothing.
        if row["sha256"] in on_server and known.get(row["id"]) not in on_server[row["sha256"]]
    ]
    _record(workspace, project, found)
    return len(found), [row for row in images if row["sha256"] not in on_server]


def _send(
    workspace: Workspace,
    client: Client,
    project: Project,
    batch: list[sqlite3.Row],
    addresses: dict[str, str],
) -> None:
    """Import one batch and record its tasks."""
    answer = client.call(
        client.sdk.projects.import_tasks,
        safe=False,
        id=project.number,
        request=[{"data": _data(row, addresses[row["sha256"]])} for row in batch],
        return_task_ids=True,
    )
    numbers = list(answer.task_ids or [])
    if len(numbers) != len(batch):
        raise RsitmdError(
            f"the server took {len(numbers)} of {len(batch)} tasks",
            where=client.connection.url,
            mend="run the same command again",
        )
    _record(workspace, project, [(row["id"], id_) for row, id_ in zip(batch, numbers, strict=True)])


def _record(workspace: Workspace, project: Project, tasks: list[tuple[int, int]]) -> None:
    """Write ``(image row, number on the server)`` of tasks into the workspace."""
    with workspace.transaction() as db:
        db.executemany(
            "INSERT INTO task (project_id, image_id, server_id, pushed_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (project_id, image_id) DO UPDATE SET server_id = excluded.server_id",
            [(project.row, image, number, utc_now()) for image, number in tasks],
        )


def _data(row: sqlite3.Row, address: str) -> dict[str, str]:
    """Return a task's data: what the page shows, and the key by which it is found again."""
    return {
        IMAGE: address,
        "filename": row["filename"],
        "category": row["category"],
        KEY: row["sha256"],
    }

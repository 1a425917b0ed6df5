"""``annotate push``: one task an image, never twice."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from urllib.parse import quote

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.progress import progress
from rsitmd_tools.studio.client import Client, connection_of
from rsitmd_tools.studio.project import ensure_project
from rsitmd_tools.studio.renditions import make_renditions, rendition_path
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.store import utc_now

BATCH = 200


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
            mend=f"run: rsitmd build ingest {workspace.path} FOLDER_OF_IMAGES",
        )
    make_renditions(workspace, [row["filename"] for row in images])
    project, number = ensure_project(workspace, client)
    known = _known(workspace, project)
    on_server = client.call(client.sdk.projects.get, id=number).task_number or 0
    waiting = [row for row in images if row["id"] not in known]
    found = 0
    if waiting or on_server != len(known):
        found, waiting = _reconcile(workspace, client, project, number, images)
    with progress("push", len(waiting)) as step:
        for first in range(0, len(waiting), BATCH):
            batch = waiting[first : first + BATCH]
            _send(workspace, client, project, number, batch)
            step(len(batch))
    return PushReport(
        url=f"{client.connection.url}/projects/{number}/data",
        new=len(waiting),
        found=found,
        known=len(images) - len(waiting) - found,
    )


def _known(workspace: Workspace, project: int) -> dict[int, int]:
    """Return the server's task number by image row."""
    rows = workspace.db.execute(
        "SELECT image_id, server_id FROM task WHERE project_id = ?", (project,)
    )
    return {row["image_id"]: row["server_id"] for row in rows}


def _reconcile(
    workspace: Workspace, client: Client, project: int, number: int, images: list[sqlite3.Row]
) -> tuple[int, list[sqlite3.Row]]:
    """Look up what the server has; return how many tasks were found and what is missing."""
    by_key: dict[str, int] = {}
    for page in client.pages(number, since=None, size=500):
        for task in page:
            by_key.setdefault((task.data or {}).get("sha256", ""), int(task.id))
    known = _known(workspace, project)
    rows = [
        (project, row["id"], by_key[row["sha256"]], utc_now())
        for row in images
        if row["sha256"] in by_key and known.get(row["id"]) != by_key[row["sha256"]]
    ]
    with workspace.transaction() as db:
        db.executemany(
            "INSERT INTO task (project_id, image_id, server_id, pushed_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (project_id, image_id) DO UPDATE SET server_id = excluded.server_id",
            rows,
        )
    return len(rows), [row for row in images if row["sha256"] not in by_key]


def _send(
    workspace: Workspace, client: Client, project: int, number: int, batch: list[sqlite3.Row]
) -> None:
    """Import one batch and record its tasks."""
    answer = client.call(
        client.sdk.projects.import_tasks,
        safe=False,
        id=number,
        request=[{"data": _data(workspace, client, row)} for row in batch],
        return_task_ids=True,
    )
    numbers = list(answer.task_ids or [])
    if len(numbers) != len(batch):
        raise RsitmdError(
            f"took {len(numbers)} of {len(batch)} tasks",
            where=client.connection.url,
            mend="run the same command again",
        )
    with workspace.transaction() as db:
        db.executemany(
            "INSERT INTO task (project_id, image_id, server_id, pushed_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (project_id, image_id) DO UPDATE SET server_id = excluded.server_id",
            [(project, row["id"], id_, utc_now()) for row, id_ in zip(batch, numbers, strict=True)],
        )


def _data(workspace: Workspace, client: Client, row: sqlite3.Row) -> dict[str, str]:
    name = quote(rendition_path(workspace, row["filename"]).name)
    prefix = client.connection.images
    local = prefix == "local"
    return {
        "image": f"/data/local-files/?d=images/{name}" if local else f"{prefix.rstrip('/')}/{name}",
        "filename": row["filename"],
        "category": row["category"],
        "sha256": row["sha256"],
    }

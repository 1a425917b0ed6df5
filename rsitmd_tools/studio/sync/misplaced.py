"""``annotate pull --check``: texts that stand under another image than they were written for.

Earlier versions of this tool trusted the numbers of tasks. Where the server had given a number
to another task, they stored its texts for the wrong image. The server still knows for which
task each annotation was made.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from rsitmd_tools.progress import progress
from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.api.secrets import EMBEDDED
from rsitmd_tools.studio.sync.identity import key_of
from rsitmd_tools.studio.sync.projects import pull_cursor
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.states import PULL, REJECTED, REPLACED, move
from rsitmd_tools.workspace.store import utc_now

NOTE = "written for another image"
CLOCKS = timedelta(minutes=5)  # by which the clocks of two machines may differ


@dataclass(slots=True)
class CheckReport:
    """What a check found.

    Attributes:
        checked: Annotations that were compared with the server.
        unchecked: Annotations that the server no longer has.
        misplaced: Annotations under another image than they were written for: ``{"image",
            "annotator", "sentences", "written_for"}``. ``written_for`` is None where that
            is no image of the workspace.
        doubtful: Annotations whose task was made on the server after this workspace had
            pushed it: ``{"image", "annotator", "sentences"}``. An earlier version may have
            written the image's data over a task of something else.
        fixed: How many of the misplaced ones were taken away from the wrong image.
    """

    checked: int = 0
    unchecked: int = 0
    misplaced: list[dict[str, Any]] = field(default_factory=list)
    doubtful: list[dict[str, Any]] = field(default_factory=list)
    fixed: int = 0


def check(workspace: Workspace, *, fix: bool = False) -> CheckReport:
    """Compare the image of every annotation in the workspace with its task on the server.

    An annotation is found by its number and by the time at which it was made.

    Args:
        workspace: The workspace; open to write with ``fix``.
        fix: Take misplaced annotations away from the wrong image. They stay in its history.
            The next pull stores them for the right image, if it is one of the workspace.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """
    client = Client(connection_of(workspace))
    there = _on_server(client, _projects(workspace, client))
    names = dict(workspace.db.execute("SELECT sha256, filename FROM image").fetchall())
    report = CheckReport()
    wrong = []
    for row in _annotations(workspace, client.connection.key):
        found = there.get((row["server_id"], row["made_at"]))
        if found is None:
            report.unchecked += 1
            continue
        report.checked += 1
        if found.key != row["sha256"]:
            wrong.append(row)
            entry = _entry(workspace, row)
            report.misplaced.append({**entry, "written_for": names.get(found.key)})
        elif found.task_made > _latest_push(row["pushed_at"], client.connection.key):
            report.doubtful.append(_entry(workspace, row))
    if fix and wrong:
        _take_away(workspace, wrong)
        report.fixed = len(wrong)
    return report


def _projects(workspace: Workspace, client: Client) -> list[int]:
    """Return the numbers of this server's projects that still exist."""
    listed: list[Any] = client.call(lambda: list(client.sdk.projects.list()))
    there = {int(project.id): server_time(project.created_at) for project in listed}
    return [
        row["server_id"]
        for row in workspace.db.execute(
            "SELECT server_id, created_at FROM project WHERE server = ?", (client.connection.key,)
        )
        if there.get(row["server_id"]) == row["created_at"]
    ]


class _Task(NamedTuple):
    """The task of an annotation, as the server has it."""

    key: str
    task_made: str


def _latest_push(pushed_at: str, server: str) -> str:
    """Return until when the server can have made a task that was pushed at a time."""
    if server.startswith(EMBEDDED):  # the clock of this machine
        return pushed_at
    return server_time(datetime.fromisoformat(pushed_at) + CLOCKS)


def _on_server(client: Client, projects: list[int]) -> dict[tuple[int, str], _Task]:
    """Return the task of each annotation, by its number and the time it was made."""
    found: dict[tuple[int, str], _Task] = {}
    with progress("check", None) as step:
        for project in projects:
            for page in client.pages(project):
                for task in page:
                    for annotation in task.annotations or []:
                        entry = annotation if isinstance(annotation, dict) else vars(annotation)
                        made = server_time(entry["created_at"])
                        found[int(entry["id"]), made] = _Task(
                            key_of(task), server_time(task.created_at)
                        )
                step(len(page))
    return found


def _annotations(workspace: Workspace, server: str) -> list[sqlite3.Row]:
    return workspace.db.execute(
        "SELECT annotation.id, annotation.server_id, annotation.task_id, filename, sha256, email,"
        " coalesce(copied_at, annotation.created_at) AS made_at, project_id, pushed_at"
        " FROM annotation"
        " JOIN task ON task.id = task_id JOIN image ON image.id = image_id"
        " JOIN annotator ON annotator.id = annotation.annotator_id"
        " JOIN project ON project.id = project_id"
        " WHERE latest AND server = ? ORDER BY annotation.id",
        (server,),
    ).fetchall()


def _entry(workspace: Workspace, row: sqlite3.Row) -> dict[str, Any]:
    sentences = workspace.db.execute(
        "SELECT raw FROM sentence WHERE annotation_id = ? ORDER BY slot", (row["id"],)
    )
    return {
        "image": row["filename"],
        "annotator": row["email"],
        "sentences": [sentence["raw"] for sentence in sentences],
    }


def _take_away(workspace: Workspace, wrong: list[sqlite3.Row]) -> None:
    """Take annotations out of the dataset, and let the next pull look at everything anew."""
    with workspace.transaction() as db:
        for row in wrong:
            for sentence in db.execute(
                "SELECT id, state FROM sentence WHERE annotation_id = ?", (row["id"],)
            ).fetchall():
                if sentence["state"] not in (REJECTED, REPLACED):
                    move(db, sentence["id"], REPLACED, PULL, note=NOTE)
            db.execute(
                "UPDATE annotation SET deleted_at = coalesce(deleted_at, ?), latest = 0"
                " WHERE id = ?",
                (utc_now(), row["id"]),
            )
            # Another annotation can get the number for this task.
            db.execute(
                "UPDATE annotation SET server_id = ? WHERE task_id = ? AND server_id = ?",
                (-row["id"], row["task_id"], row["server_id"]),
            )
        for project in {row["project_id"] for row in wrong}:
            db.execute("DELETE FROM fact WHERE key = ?", (pull_cursor(project),))
            db.execute("UPDATE task SET updated_at = NULL WHERE project_id = ?", (project,))

"""``annotate pull``: annotations into the workspace, every revision, only what changed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.progress import progress
from rsitmd_tools.studio.client import Client, connection_of
from rsitmd_tools.studio.results import parse_result
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.store import utc_now

# The server's clock may step back; what was seen in this span is asked for again.
OVERLAP = timedelta(hours=2)


@dataclass(slots=True)
class PullReport:
    """What a pull brought.

    Attributes:
        new: Annotations seen for the first time.
        changed: Annotations with a new revision.
        deleted: Annotations that are gone from the server; their text is kept, marked.
        skipped: Tasks that somebody skipped.
        blank: Text areas left empty.
        unknown_tasks: Tasks of the project that this workspace did not make.
        tasks: Tasks looked at.
    """

    new: int = 0
    changed: int = 0
    deleted: int = 0
    skipped: int = 0
    blank: int = 0
    tasks: int = 0
    unknown_tasks: list[int] = field(default_factory=list)


def pull(workspace: Workspace) -> PullReport:
    """Bring in what changed since the last pull.

    Each page is one transaction, and the time from which the next pull asks is written
    after the last page: a pull that is interrupted is simply run again.

    Raises:
        RsitmdError: Nothing was pushed yet, or the server is unreachable or refuses.
    """
    client = Client(connection_of(workspace))
    projects = workspace.db.execute(
        "SELECT id, server_id FROM project WHERE server = ?", (client.connection.key,)
    ).fetchall()
    if not projects:
        raise RsitmdError(
            "has no project on this server",
            where=workspace.path,
            mend=f"run: rsitmd annotate push {workspace.path}",
        )
    report = PullReport()
    people = _People(workspace, client)
    for row in projects:
        _pull_project(workspace, client, row["id"], row["server_id"], people, report)
    return report


def _pull_project(
    workspace: Workspace,
    client: Client,
    project: int,
    number: int,
    people: _People,
    report: PullReport,
) -> None:
    cursor = f"pull.{project}"
    last = workspace.fact(cursor)
    since = None if last is None else _earlier(last)
    newest = last or ""
    tasks = {
        row["server_id"]: row["id"]
        for row in workspace.db.execute(
            "SELECT id, server_id FROM task WHERE project_id = ?", (project,)
        )
    }
    with progress("pull", None) as step:
        for page in client.pages(number, since):
            with workspace.transaction():
                for task in page:
                    newest = max(newest, _time(task.updated_at))
                    if task.id in tasks:
                        _store_task(workspace, tasks[task.id], task, people, report)
                    else:
                        report.unknown_tasks.append(int(task.id))
            step(len(page))
    with workspace.transaction():
        workspace.set_fact(cursor, newest)


def _store_task(
    workspace: Workspace, task: int, seen: Any, people: _People, report: PullReport
) -> None:
    report.tasks += 1
    present = set()
    for annotation in seen.annotations or []:
        entry = annotation if isinstance(annotation, dict) else annotation.model_dump()
        if entry.get("was_cancelled"):
            report.skipped += 1
            continue
        present.add(int(entry["id"]))
        _store_annotation(workspace, task, entry, people, report)
    gone = [
        row["id"]
        for row in workspace.db.execute(
            "SELECT id, server_id FROM annotation"
            " WHERE task_id = ? AND latest AND deleted_at IS NULL",
            (task,),
        )
        if row["server_id"] not in present
    ]
    workspace.db.executemany(
        "UPDATE annotation SET deleted_at = ? WHERE id = ?", [(utc_now(), id_) for id_ in gone]
    )
    report.deleted += len(gone)


def _store_annotation(
    workspace: Workspace, task: int, entry: dict[str, Any], people: _People, report: PullReport
) -> None:
    db = workspace.db
    updated = _time(entry["updated_at"])
    previous = db.execute(
        "SELECT id, updated_at, deleted_at FROM annotation"
        " WHERE task_id = ? AND server_id = ? AND latest",
        (task, entry["id"]),
    ).fetchone()
    if previous is not None and previous["updated_at"] == updated:
        if previous["deleted_at"] is not None:
            db.execute("UPDATE annotation SET deleted_at = NULL WHERE id = ?", (previous["id"],))
        return
    if previous is not None:
        db.execute("UPDATE annotation SET latest = 0 WHERE id = ?", (previous["id"],))
        report.changed += 1
    else:
        report.new += 1
    result = entry.get("result") or []
    cursor = db.execute(
        "INSERT INTO annotation (task_id, server_id, updated_at, created_at, annotator_id,"
        " updated_by, lead_time, result, pulled_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            task,
            entry["id"],
            updated,
            _time(entry["created_at"]),
            people.row(entry.get("completed_by")),
            people.row(entry.get("updated_by")) if entry.get("updated_by") else None,
            entry.get("lead_time"),
            json.dumps(result, ensure_ascii=False),
            utc_now(),
        ),
    )
    written = parse_result(result)
    report.blank += written.blank
    db.executemany(
        "INSERT INTO sentence (annotation_id, slot, raw) VALUES (?, ?, ?)",
        [(cursor.lastrowid, slot, raw) for slot, raw in written.sentences],
    )
    db.executemany(
        "INSERT INTO keyword (annotation_id, slot, raw) VALUES (?, ?, ?)",
        [(cursor.lastrowid, slot, raw) for slot, raw in enumerate(written.keywords, 1)],
    )


class _People:
    """The server's users as rows of table ``annotator``, ordered as they signed up."""

    def __init__(self, workspace: Workspace, client: Client) -> None:
        self._workspace = workspace
        self._users = client.users()
        self._rows: dict[int, int] = {}
        with workspace.transaction():
            for number in sorted(self._users):
                self._rows[number] = self._insert(*self._users[number])

    def row(self, user: Any) -> int:
        """Return the row of a user given by number or as an object."""
        number = int(user["id"] if isinstance(user, dict) else user or 0)
        if number not in self._rows:
            # Removed from the server since: their annotations stay.
            self._rows[number] = self._insert(f"user-{number}@removed.invalid", "")
        return self._rows[number]

    def _insert(self, email: str, name: str) -> int:
        db = self._workspace.db
        db.execute(
            "INSERT INTO annotator (email, name) VALUES (?, ?)"
            " ON CONFLICT (email) DO UPDATE SET name = excluded.name",
            (email, name),
        )
        row = db.execute("SELECT id FROM annotator WHERE email = ?", (email,)).fetchone()
        return int(row["id"])


def _time(value: Any) -> str:
    """Return a server time as ISO 8601 in UTC with microseconds, so that texts compare."""
    when = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return when.astimezone(UTC).isoformat(timespec="microseconds")


def _earlier(time: str) -> str:
    """Return the time to ask from, in the one format the server's filter takes."""
    return f"{datetime.fromisoformat(time) - OVERLAP:%Y-%m-%dT%H:%M:%S.%fZ}"

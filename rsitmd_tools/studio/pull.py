"""``annotate pull``: annotations into the workspace, every revision, only what changed."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.progress import progress
from rsitmd_tools.studio.client import Client, connection_of, server_time
from rsitmd_tools.studio.project import pull_cursor
from rsitmd_tools.studio.results import parse_result
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.store import utc_now

# The server's clock may step back; what was seen in this span is asked for again.
OVERLAP = timedelta(hours=2)
PAGE = 200


@dataclass(slots=True)
class PullReport:
    """What a pull brought.

    Attributes:
        new: Annotations seen for the first time.
        changed: Annotations with a new revision.
        deleted: Annotations that are gone from the server; their text is kept, marked.
        skipped: Skips seen; somebody passed over a task.
        blank: Sentences asked for that the new and changed annotations lack.
        folded: Sentences written on several lines; each is one line now.
        tasks: Tasks looked at.
        unknown_tasks: Tasks of the project that this workspace did not make.
    """

    new: int = 0
    changed: int = 0
    deleted: int = 0
    skipped: int = 0
    blank: int = 0
    folded: int = 0
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
        "SELECT id, server_id FROM project WHERE server = ? ORDER BY id", (client.connection.key,)
    ).fetchall()
    if not projects:
        raise RsitmdError(
            "has no project on this server",
            where=workspace.path,
            mend="run: " + shlex.join(["rsitmd", "annotate", "push", str(workspace.path)]),
        )
    run = _Pull(workspace, client)
    for row in projects:
        run.project(row["id"], row["server_id"])
    return run.report


class _Pull:
    """One run of :func:`pull`: the workspace, the server, the people, the report."""

    def __init__(self, workspace: Workspace, client: Client) -> None:
        self.report = PullReport()
        self._workspace = workspace
        self._client = client
        self._people = _People(workspace, client)
        self._asked = workspace.settings.annotation.sentences_per_annotator

    def project(self, project: int, number: int) -> None:
        """Bring in what changed in one project, given by row and by number on the server."""
        cursor = pull_cursor(project)
        last = self._workspace.fact(cursor)
        newest = last or ""
        tasks = {
            row["server_id"]: row["id"]
            for row in self._workspace.db.execute(
                "SELECT id, server_id FROM task WHERE project_id = ?", (project,)
            )
        }
        self._mark_removed_tasks(number, tasks)
        with progress("pull", None) as step:
            for page in self._client.pages(number, since=_earlier(last), size=PAGE):
                with self._workspace.transaction():
                    for task in page:
                        newest = max(newest, server_time(task.updated_at))
                        if task.id in tasks:
                            self._task(tasks[task.id], task)
                        else:
                            self.report.unknown_tasks.append(int(task.id))
                step(len(page))
        if newest:
            with self._workspace.transaction():
                self._workspace.set_fact(cursor, newest)

    def _mark_removed_tasks(self, number: int, tasks: dict[int, int]) -> None:
        """Mark the annotations of tasks that somebody removed from the server."""
        there = self._client.call(self._client.sdk.projects.get, id=number).task_number or 0
        if there >= len(tasks):
            return
        found = {
            int(task.id)
            for page in self._client.pages(number, annotations=False, size=500)
            for task in page
        }
        with self._workspace.transaction():
            for server_id, task in tasks.items():
                if server_id not in found:
                    self._mark_deleted(task, present=set())

    def _task(self, task: int, seen: Any) -> None:
        self.report.tasks += 1
        present = set()
        for annotation in seen.annotations or []:
            entry = annotation if isinstance(annotation, dict) else annotation.model_dump()
            if entry.get("was_cancelled"):
                self.report.skipped += 1
                continue
            present.add(int(entry["id"]))
            self._annotation(task, entry)
        self._mark_deleted(task, present)

    def _mark_deleted(self, task: int, present: set[int]) -> None:
        """Mark the annotations of a task that the server has no more."""
        gone = [
            row["id"]
            for row in self._workspace.db.execute(
                "SELECT id, server_id FROM annotation"
                " WHERE task_id = ? AND latest AND deleted_at IS NULL",
                (task,),
            )
            if row["server_id"] not in present
        ]
        self._workspace.db.executemany(
            "UPDATE annotation SET deleted_at = ? WHERE id = ?", [(utc_now(), id_) for id_ in gone]
        )
        self.report.deleted += len(gone)

    def _annotation(self, task: int, entry: dict[str, Any]) -> None:
        """Store an annotation's revision, unless it is the one we have."""
        db = self._workspace.db
        updated = server_time(entry["updated_at"])
        revisions = db.execute(
            "SELECT id, updated_at, latest, deleted_at FROM annotation"
            " WHERE task_id = ? AND server_id = ?",
            (task, entry["id"]),
        ).fetchall()
        same = next((row for row in revisions if row["updated_at"] == updated), None)
        if same is not None and same["latest"] and same["deleted_at"] is None:
            return
        if revisions:
            self.report.changed += 1
        else:
            self.report.new += 1
        db.execute(
            "UPDATE annotation SET latest = 0 WHERE task_id = ? AND server_id = ?",
            (task, entry["id"]),
        )
        if same is not None:  # back again, as after a restored backup of the server
            db.execute(
                "UPDATE annotation SET latest = 1, deleted_at = NULL WHERE id = ?", (same["id"],)
            )
            return
        self._insert(task, entry, updated)

    def _insert(self, task: int, entry: dict[str, Any], updated: str) -> None:
        db = self._workspace.db
        result = entry.get("result") or []
        cursor = db.execute(
            "INSERT INTO annotation (task_id, server_id, updated_at, created_at, annotator_id,"
            " updated_by, lead_time, result, pulled_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                task,
                entry["id"],
                updated,
                server_time(entry["created_at"]),
                self._people.row(entry.get("completed_by")),
                self._people.row(entry["updated_by"]) if entry.get("updated_by") else None,
                entry.get("lead_time"),
                json.dumps(result, ensure_ascii=False),
                utc_now(),
            ),
        )
        written = parse_result(result)
        self.report.blank += max(0, self._asked - len(written.sentences))
        self.report.folded += written.folded
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
        self._client = client
        self._rows: dict[int, int] = {}
        with workspace.transaction():
            self._look()

    def row(self, user: Any) -> int:
        """Return the row of a user given by number or as an object."""
        number = int(user["id"] if isinstance(user, dict) else user or 0)
        if number not in self._rows:
            self._look()  # signed up since this pull began?
        if number not in self._rows:
            # Removed from the server since: their annotations stay.
            self._rows[number] = self._insert(f"user-{number}@removed.invalid", "")
        return self._rows[number]

    def _look(self) -> None:
        users = self._client.users()
        for number in sorted(users):
            self._rows[number] = self._insert(*users[number])

    def _insert(self, email: str, name: str) -> int:
        db = self._workspace.db
        db.execute(
            "INSERT INTO annotator (email, name) VALUES (?, ?)"
            " ON CONFLICT (email) DO UPDATE SET name = excluded.name",
            (email, name),
        )
        row = db.execute("SELECT id FROM annotator WHERE email = ?", (email,)).fetchone()
        return int(row["id"])


def _earlier(time: str | None) -> str | None:
    """Return the time to ask from, in the one format the server's filter takes."""
    if time is None:
        return None
    return f"{datetime.fromisoformat(time) - OVERLAP:%Y-%m-%dT%H:%M:%S.%fZ}"

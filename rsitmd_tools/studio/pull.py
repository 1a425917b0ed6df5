"""``annotate pull``: annotations into the workspace, every revision, only what changed."""

from __future__ import annotations

import json
import shlex
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.progress import progress
from rsitmd_tools.studio import licence
from rsitmd_tools.studio.client import Client, Refused, server_time
from rsitmd_tools.studio.connection import connection_of
from rsitmd_tools.studio.origins import mark_origins
from rsitmd_tools.studio.people import People
from rsitmd_tools.studio.project import pull_cursor
from rsitmd_tools.studio.push import send_notes
from rsitmd_tools.studio.results import parse_result
from rsitmd_tools.studio.revisions import carry_over, is_double, restore
from rsitmd_tools.studio.tasks import KEY
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.store import utc_now

# The server's clock may step back; what was seen in this span is looked at again.
OVERLAP = timedelta(hours=2)
PAGE = 200
LOOK = 1000  # tasks a page when only their times are looked at
NOT_FOUND = 404


@dataclass(slots=True)
class PullReport:
    """What a pull brought.

    Attributes:
        new: Annotations seen for the first time.
        changed: Annotations with a new revision.
        corrected: Sentences that were sent back and are written anew.
        deleted: Annotations that are gone from the server; their text is kept, marked.
        skipped: Skips seen for the first time; somebody passed over a task.
        drafts: Tasks in which somebody has begun and not submitted, among those looked at.
        blank: Sentences asked for that the new and changed annotations lack.
        left_empty: Where they are: ``{"image", "annotator", "sentences"}``, the last with the
            numbers from 1.
        doubled: Annotations, among those looked at, that the server made twice of one request;
            they count once.
        folded: Sentences written on several lines; each is one line now.
        tasks: Tasks looked at.
        accepted: People who have accepted the licence since.
        foreign: New and changed annotations whose last change was made by somebody else
            than their author: ``{"image", "annotator", "changed_by"}``.
        unknown_tasks: Tasks of the project that this workspace did not make.
        lost_projects: Numbers of projects that are gone from the server.
    """

    new: int = 0
    changed: int = 0
    corrected: int = 0
    deleted: int = 0
    skipped: int = 0
    drafts: int = 0
    blank: int = 0
    doubled: int = 0
    folded: int = 0
    tasks: int = 0
    accepted: int = 0
    left_empty: list[dict[str, str]] = field(default_factory=list)
    foreign: list[dict[str, str]] = field(default_factory=list)
    unknown_tasks: list[int] = field(default_factory=list)
    lost_projects: list[int] = field(default_factory=list)


def pull(workspace: Workspace) -> PullReport:
    """Bring in what changed since the last pull.

    Each page is one transaction, and the time from which the next pull asks is written
    after the last page: a pull that is interrupted is simply run again. The note on a task
    whose sentence was corrected is taken away at the end.

    Raises:
        RsitmdError: Nothing was pushed yet, or the server is unreachable or refuses.
    """
    client = Client(connection_of(workspace))
    projects = workspace.db.execute(
        "SELECT * FROM project WHERE server = ? ORDER BY id", (client.connection.key,)
    ).fetchall()
    if not projects:
        raise RsitmdError(
            "has no project on this server",
            where=workspace.path,
            mend="run: " + shlex.join(["rsitmd", "annotate", "push", str(workspace.path)]),
        )
    run = _Pull(workspace, client)
    with progress("pull", None) as step:
        for row in projects:
            for count in run.project(row):
                step(count)
    run.report.accepted = licence.collect(workspace, client, run.people)
    if run.report.corrected:
        send_notes(workspace, client)
    return run.report


class _Pull:
    """One run of :func:`pull`: the workspace, the server, the people, the report."""

    def __init__(self, workspace: Workspace, client: Client) -> None:
        self.report = PullReport()
        self._workspace = workspace
        self._client = client
        self.people = People(workspace, client)
        self._asked = workspace.settings.annotation.sentences_asked

    def project(self, project: sqlite3.Row) -> Iterator[int]:
        """Bring in what changed in one project; yield how many tasks each page held."""
        number = project["server_id"]
        try:
            there = self._client.call(self._client.sdk.projects.get, id=number)
        except Refused as error:
            if error.status != NOT_FOUND:
                raise
            self.report.lost_projects.append(number)
            self._mark_removed_tasks(project, set())
            return
        cursor = pull_cursor(project["id"])
        last = self._workspace.fact(cursor)
        newest = last or ""
        tasks = self._tasks(project)
        if (there.task_number or 0) < len(tasks):
            pages = self._client.pages(number, annotations=False, size=LOOK)
            self._mark_removed_tasks(project, {int(task.id) for page in pages for task in page})
        for page in self._changed(project, last, tasks):
            with self._workspace.transaction():
                for task in page:
                    newest = max(newest, server_time(task.updated_at))
                    row = tasks.get(task.id) or self._adopt(project, task)
                    if row is not None:
                        self._task(row, task)
                    elif project["closed_at"] is None:
                        self.report.unknown_tasks.append(int(task.id))
            yield len(page)
        if newest != (last or ""):
            with self._workspace.transaction():
                self._workspace.set_fact(cursor, newest)

    def _changed(
        self, project: sqlite3.Row, last: str | None, tasks: dict[int, sqlite3.Row]
    ) -> Iterator[list[Any]]:
        """Yield the tasks that are not as the workspace saw them last, with annotations."""
        number = project["server_id"]
        if last is None:
            yield from self._client.pages(number, size=PAGE)
            return
        changed = []
        for page in self._client.pages(number, since=_earlier(last), annotations=False, size=LOOK):
            for task in page:
                row = tasks.get(task.id)
                if row is None or row["updated_at"] != server_time(task.updated_at):
                    changed.append(int(task.id))
        yield from self._client.pages(number, only=changed, size=PAGE)

    def _tasks(self, project: sqlite3.Row) -> dict[int, sqlite3.Row]:
        rows = self._workspace.db.execute(
            "SELECT task.*, filename FROM task JOIN image ON image.id = image_id"
            " WHERE project_id = ?",
            (project["id"],),
        )
        return {row["server_id"]: row for row in rows}

    def _adopt(self, project: sqlite3.Row, task: Any) -> sqlite3.Row | None:
        """Take a task that this workspace does not know but whose image it has.

        So it is with a task of a closed project in which somebody wrote all the same, and
        with one that a copy of this workspace pushed.
        """
        db = self._workspace.db
        image = db.execute(
            "SELECT id FROM image WHERE sha256 = ?", (str((task.data or {}).get(KEY)),)
        ).fetchone()
        if image is None or not (task.annotations or project["closed_at"] is None):
            return None
        db.execute(
            "INSERT OR IGNORE INTO task (project_id, image_id, server_id, pushed_at)"
            " VALUES (?, ?, ?, ?)",
            (project["id"], image["id"], task.id, utc_now()),
        )
        row: sqlite3.Row | None = db.execute(
            "SELECT task.*, filename FROM task JOIN image ON image.id = image_id"
            " WHERE project_id = ? AND server_id = ?",
            (project["id"], task.id),
        ).fetchone()
        return row  # None: a second task of an image that has one

    def _mark_removed_tasks(self, project: sqlite3.Row, there: set[int]) -> None:
        """Mark the annotations of tasks that somebody removed from the server."""
        with self._workspace.transaction():
            for server_id, task in self._tasks(project).items():
                if server_id not in there:
                    self._mark_deleted(task["id"], present=set())

    def _task(self, row: sqlite3.Row, seen: Any) -> None:
        self.report.tasks += 1
        entries = [
            annotation if isinstance(annotation, dict) else annotation.model_dump()
            for annotation in seen.annotations or []
        ]
        present = {int(entry["id"]) for entry in entries if not entry.get("was_cancelled")}
        for entry in sorted(entries, key=lambda entry: int(entry["id"])):
            if entry.get("was_cancelled"):
                self._skip(row["id"], entry)
            elif self._is_double(row["id"], entry, present):
                self.report.doubled += 1
            else:
                self._annotation(row, entry)
        self._mark_deleted(row["id"], present)
        drafts = int(bool(getattr(seen, "draft_exists", False)))
        self.report.drafts += drafts
        self._workspace.db.execute(
            "UPDATE task SET updated_at = ?, drafts = ? WHERE id = ?",
            (server_time(seen.updated_at), drafts, row["id"]),
        )

    def _skip(self, task: int, entry: dict[str, Any]) -> None:
        added = self._workspace.db.execute(
            "INSERT OR IGNORE INTO skip (task_id, server_id, annotator_id, skipped_at)"
            " VALUES (?, ?, ?, ?)",
            (
                task,
                entry["id"],
                self.people.row(entry.get("completed_by")),
                server_time(entry["updated_at"]),
            ),
        )
        self.report.skipped += added.rowcount

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

    def _is_double(self, task: int, entry: dict[str, Any], present: set[int]) -> bool:
        """Say whether the server made this annotation of a request that it had taken already."""
        author = self.people.row(entry.get("completed_by"))
        result = _stored(entry.get("result"))
        return is_double(self._workspace.db, task, author, int(entry["id"]), result, present)

    def _annotation(self, row: sqlite3.Row, entry: dict[str, Any]) -> None:
        """Store an annotation's revision, unless it is the one we have."""
        db = self._workspace.db
        updated = server_time(entry["updated_at"])
        revisions = db.execute(
            "SELECT id, updated_at, latest, deleted_at FROM annotation"
            " WHERE task_id = ? AND server_id = ? ORDER BY id",
            (row["id"], entry["id"]),
        ).fetchall()
        same = next((old for old in revisions if old["updated_at"] == updated), None)
        if same is not None and same["latest"] and same["deleted_at"] is None:
            return
        if revisions:
            self.report.changed += 1
        else:
            self.report.new += 1
        before = next((old["id"] for old in revisions if old["latest"]), None)
        db.execute(
            "UPDATE annotation SET latest = 0 WHERE task_id = ? AND server_id = ?",
            (row["id"], entry["id"]),
        )
        if same is not None:  # back again, as after a restored backup of the server
            db.execute(
                "UPDATE annotation SET latest = 1, deleted_at = NULL WHERE id = ?", (same["id"],)
            )
            if before != same["id"]:
                restore(db, before, same["id"])
            return
        made = self._insert(row, entry, updated)
        if before is not None:
            self.report.corrected += carry_over(db, before, made)

    def _insert(self, task: sqlite3.Row, entry: dict[str, Any], updated: str) -> int:
        db = self._workspace.db
        author = self.people.row(entry.get("completed_by"))
        changed_by = self.people.row(entry["updated_by"]) if entry.get("updated_by") else None
        cursor = db.execute(
            "INSERT INTO annotation (task_id, server_id, updated_at, created_at, annotator_id,"
            " updated_by, lead_time, result, pulled_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                task["id"],
                entry["id"],
                updated,
                server_time(entry["created_at"]),
                author,
                changed_by,
                entry.get("lead_time"),
                _stored(entry.get("result")),
                utc_now(),
            ),
        )
        assert cursor.lastrowid is not None
        if changed_by not in (None, author):
            names = dict(db.execute("SELECT id, email FROM annotator").fetchall())
            self.report.foreign.append(
                {
                    "image": task["filename"],
                    "annotator": names[author],
                    "changed_by": names[changed_by],
                }
            )
        written = parse_result(entry.get("result") or [])
        self._note_left_empty(task["filename"], author, {slot for slot, _ in written.sentences})
        self.report.folded += written.folded
        db.executemany(
            "INSERT INTO sentence (annotation_id, slot, raw) VALUES (?, ?, ?)",
            [(cursor.lastrowid, slot, raw) for slot, raw in written.sentences],
        )
        db.executemany(
            "INSERT INTO keyword (annotation_id, slot, raw) VALUES (?, ?, ?)",
            [(cursor.lastrowid, slot, raw) for slot, raw in enumerate(written.keywords, 1)],
        )
        mark_origins(db, cursor.lastrowid, entry)
        return cursor.lastrowid

    def _note_left_empty(self, image: str, author: int, written: set[int]) -> None:
        """Report the sentences that an annotation lacks."""
        empty = [slot for slot in range(1, self._asked + 1) if slot not in written]
        if not empty:
            return
        self.report.blank += len(empty)
        row = self._workspace.db.execute(
            "SELECT email FROM annotator WHERE id = ?", (author,)
        ).fetchone()
        self.report.left_empty.append(
            {
                "image": image,
                "annotator": row["email"],
                "sentences": ", ".join(map(str, empty)),
            }
        )


def _stored(result: Any) -> str:
    """Return an annotation's result as the workspace keeps it."""
    return json.dumps(result or [], ensure_ascii=False)


def _earlier(time: str | None) -> str | None:
    """Return the time to ask from, in the one format the server's filter takes."""
    if time is None:
        return None
    return f"{datetime.fromisoformat(time) - OVERLAP:%Y-%m-%dT%H:%M:%S.%fZ}"

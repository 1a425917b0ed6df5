"""``annotate pull``: annotations into the workspace, every revision, only what changed."""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.progress import progress
from rsitmd_tools.studio.api.client import Client, Refused, server_time
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.sync import licence
from rsitmd_tools.studio.sync.accounts import People
from rsitmd_tools.studio.sync.deletions import Deletion, mark_deleted
from rsitmd_tools.studio.sync.identity import KEY, Reconciled, key_of, known_tasks, reconcile
from rsitmd_tools.studio.sync.numbers import adopt_number, free_number
from rsitmd_tools.studio.sync.origins import mark_origins
from rsitmd_tools.studio.sync.page_changes import page_changes, remember_renamed, renamed_fields
from rsitmd_tools.studio.sync.projects import pull_cursor
from rsitmd_tools.studio.sync.pull_report import PullReport
from rsitmd_tools.studio.sync.push import send_notes
from rsitmd_tools.studio.sync.results import Written, parse_result, stored_result
from rsitmd_tools.studio.sync.revisions import carry_over, changed_accepted, is_double, restore
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.store import utc_now

# The server's clock may step back; what was seen in this span is looked at again.
OVERLAP = timedelta(hours=2)
PAGE = 200
LOOK = 1000  # tasks a page when only their times are looked at
NOT_FOUND = 404


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
            hint="run: " + shlex.join(["rsitmd", "annotate", "push", str(workspace.path)]),
        )
    run = _Pull(workspace, client)
    with progress("pull", None) as step:
        for row in projects:
            for count in run.project(row):
                step(count)
    run.report.removed = run.people.removed()
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
        self._fields: dict[str, str] = {}  # of the project that is being pulled

    def project(self, project: sqlite3.Row) -> Iterator[int]:
        """Bring in what changed in one project; yield how many tasks each page held."""
        number = project["server_id"]
        there = self._find(project)
        if there is None:
            self.report.lost_projects.append(number)
            self._note_moves(reconcile(self._workspace, project["id"], {}))
            return
        self._look_at_page(project, there)
        last = self._workspace.fact(pull_cursor(project["id"]))
        listed = self._listed(number, last)
        others = [n for n in known_tasks(self._workspace, project["id"]) if n not in listed]
        self._note_moves(
            reconcile(
                self._workspace,
                project["id"],
                {n: seen.key for n, seen in listed.items()},
                self._client.existing(number, others),
            )
        )
        tasks = known_tasks(self._workspace, project["id"])
        changed = [n for n, seen in listed.items() if not _same(tasks.get(n), seen)]
        newest = max([last or "", *(listed[n].updated for n in listed.keys() - set(changed))])
        for page in self._client.pages(number, only=changed, size=PAGE):
            with self._workspace.transaction():
                for task in page:
                    row = tasks.get(task.id)
                    if row is not None and row[KEY] != key_of(task):
                        continue  # changed hands since the list was made: the next pull sees it
                    newest = max(newest, server_time(task.updated_at))
                    row = row or self._adopt(project, task)
                    if row is not None:
                        self._task(row, task)
                    elif project["closed_at"] is None:
                        self.report.unknown_tasks.append(int(task.id))
            yield len(page)
        if newest != (last or ""):
            with self._workspace.transaction():
                self._workspace.set_fact(pull_cursor(project["id"]), newest)

    def _find(self, project: sqlite3.Row) -> Any | None:
        """Return a project as the server has it; None where it is gone."""
        try:
            there = self._client.call(self._client.sdk.projects.get, id=project["server_id"])
        except Refused as error:
            if error.status != NOT_FOUND:
                raise
            return None
        # On SQLite another project can have the number of one that was deleted.
        return there if server_time(there.created_at) == project["created_at"] else None

    def _look_at_page(self, project: sqlite3.Row, there: Any) -> None:
        """See whether somebody changed the page of a project on the server."""
        changed = page_changes(self._workspace, project, str(there.label_config))
        if changed is not None:
            self.report.changed_pages.append(
                {"project": int(project["server_id"]), "renamed": changed}
            )
            remember_renamed(self._workspace, project["id"], changed)
        self._fields = renamed_fields(self._workspace, project["id"])

    def _listed(self, number: int, last: str | None) -> dict[int, _Seen]:
        """Return what the server has changed since the last pull, by the tasks' numbers.

        All tasks where nothing was pulled yet.
        """
        since = _earlier(last)
        return {
            int(task.id): _Seen(key_of(task), server_time(task.updated_at))
            for page in self._client.pages(number, since=since, annotations=False, size=LOOK)
            for task in page
        }

    def _note_moves(self, found: Reconciled) -> None:
        self.report.adopted_tasks += found.adopted
        self.report.removed_tasks += found.removed
        self._note_deletions(found.deletions)

    def _note_deletions(self, deletions: Sequence[Deletion]) -> None:
        self.report.deletions += deletions
        self.report.deleted += len(deletions)

    def _adopt(self, project: sqlite3.Row, task: Any) -> sqlite3.Row | None:
        """Take a task that this workspace does not know but whose image it has.

        So it is with a task of a closed project in which somebody wrote all the same, and
        with one that a copy of this workspace pushed.
        """
        db = self._workspace.db
        image = db.execute("SELECT id FROM image WHERE sha256 = ?", (key_of(task),)).fetchone()
        if image is None or not (task.annotations or project["closed_at"] is None):
            return None
        db.execute(
            "INSERT OR IGNORE INTO task (project_id, image_id, server_id, pushed_at)"
            " VALUES (?, ?, ?, ?)",
            (project["id"], image["id"], task.id, utc_now()),
        )
        # None: a second task of an image that has one.
        return known_tasks(self._workspace, project["id"]).get(int(task.id))

    def _task(self, row: sqlite3.Row, seen: Any) -> None:
        self.report.tasks += 1
        entries = [
            annotation if isinstance(annotation, dict) else annotation.model_dump()
            for annotation in seen.annotations or []
        ]
        present = {int(entry["id"]) for entry in entries if not entry.get("was_cancelled")}
        self._follow_numbers(row["id"], entries, present)
        for entry in sorted(entries, key=lambda entry: int(entry["id"])):
            if entry.get("was_cancelled"):
                self._skip(row["id"], entry)
            elif self._is_double(row["id"], entry, present):
                self.report.doubled += 1
            else:
                self._annotation(row, entry)
        self._note_deletions(mark_deleted(self._workspace.db, row["id"], present))
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

    def _follow_numbers(
        self, task: int, entries: Sequence[dict[str, Any]], present: Collection[int]
    ) -> None:
        """Bring the numbers of a task's annotations up to date."""
        for entry in entries:
            if not entry.get("was_cancelled"):
                author = self.people.row(entry.get("completed_by"))
                free_number(self._workspace.db, task, entry)
                adopt_number(self._workspace.db, task, entry, author, present)

    def _is_double(self, task: int, entry: dict[str, Any], present: set[int]) -> bool:
        """Say whether the server made this annotation of a request that it had taken already."""
        author = self.people.row(entry.get("completed_by"))
        result = stored_result(entry.get("result"))
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
            changed = changed_accepted(db, before, made)
            if changed:
                author = self.people.row(entry.get("completed_by"))
                self.report.reopened.append(
                    {
                        "image": row["filename"],
                        "annotator": self._email(author),
                        "sentences": changed,
                    }
                )
            self.report.corrected += carry_over(db, before, made)

    def _note_gaps(self, image: str, author: int, written: Written) -> None:
        """Report what an annotation lacks, and what it has in fields that are not read."""
        email = self._email(author)
        slots = {slot for slot, _ in written.sentences}
        missing = [slot for slot in range(1, self._asked + 1) if slot not in slots]
        if missing:
            self.report.blank += len(missing)
            self.report.incomplete.append({"image": image, "annotator": email, "missing": missing})
        self.report.unread += [
            {"image": image, "annotator": email, "field": name, "texts": count}
            for name, count in written.unread
        ]
        self.report.folded += written.folded

    def _email(self, annotator: int) -> str:
        row = self._workspace.db.execute(
            "SELECT email FROM annotator WHERE id = ?", (annotator,)
        ).fetchone()
        return str(row["email"])

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
                stored_result(entry.get("result")),
                utc_now(),
            ),
        )
        assert cursor.lastrowid is not None
        if changed_by is not None and changed_by != author:
            self.report.foreign.append(
                {
                    "image": task["filename"],
                    "annotator": self._email(author),
                    "changed_by": self._email(changed_by),
                }
            )
        written = parse_result(entry.get("result") or [], self._fields)
        self._note_gaps(task["filename"], author, written)
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


@dataclass(frozen=True, slots=True)
class _Seen:
    """A task as a list of the server shows it."""

    key: str
    updated: str


def _same(row: sqlite3.Row | None, seen: _Seen) -> bool:
    """Say whether the workspace has a task as the server has it now."""
    return row is not None and row["updated_at"] == seen.updated


def _earlier(time: str | None) -> str | None:
    """Return the time to ask from, in the one format the server's filter takes."""
    if time is None:
        return None
    return f"{datetime.fromisoformat(time) - OVERLAP:%Y-%m-%dT%H:%M:%S.%fZ}"

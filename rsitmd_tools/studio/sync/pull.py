"""``annotate pull``: store the annotations that changed on the server, every revision."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
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
from rsitmd_tools.studio.sync.identity import Reconciled, key_of, reconcile
from rsitmd_tools.studio.sync.numbers import adopt_number, free_number
from rsitmd_tools.studio.sync.origins import mark_origins
from rsitmd_tools.studio.sync.page_changes import page_changes, remember_renamed, renamed_fields
from rsitmd_tools.studio.sync.pull_report import PullReport
from rsitmd_tools.studio.sync.results import Written, parse_result, stored_result
from rsitmd_tools.studio.sync.revisions import carry_over, changed_accepted, is_double, restore
from rsitmd_tools.studio.sync.task_updates import update_tasks
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.accounts import annotator_email
from rsitmd_tools.workspace.annotations import (
    NewRevision,
    add_revision,
    clear_latest,
    known_annotations,
    revisions,
    set_latest,
)
from rsitmd_tools.workspace.projects import ProjectRecord, projects_of, pull_cursor, unmatched
from rsitmd_tools.workspace.tasks import (
    Skip,
    Task,
    add_skip,
    adopt_task,
    image_of_key,
    known_skips,
    known_tasks,
    mark_task_pulled,
)
from rsitmd_tools.workspace.texts import add_texts

# The server's clock may be set back; tasks that changed in this span are listed again.
OVERLAP = timedelta(hours=2)
# The server stores a task's time before a changed annotation, and again after it. If it is killed
# in between, the first time may have been pulled. So tasks with annotations that changed shortly
# before the last pull are read again. A request takes less than this.
SETTLED = timedelta(minutes=10)
PAGE = 200  # tasks in one request with annotations
TIMES_PAGE = 1000  # tasks in one request for keys and times
NOT_FOUND = 404


def pull(workspace: Workspace) -> PullReport:
    """Store the annotations that changed since the last pull.

    Each page of tasks is one transaction. The time from which the next pull reads is stored
    after the last page, so a pull that was interrupted can be run again. At the end, notes on
    sentences that were corrected are removed from the tasks.

    Args:
        workspace: The workspace, open to write.

    Raises:
        RsitmdError: Nothing was pushed yet, or the server is unreachable or refuses.
    """
    client = Client(connection_of(workspace))
    projects = projects_of(workspace.db, client.connection.key)
    if not projects:
        raise RsitmdError(
            "has no project on this server",
            where=workspace.path,
            hint="run: " + shlex.join(["rsitmd", "annotate", "push", str(workspace.path)]),
        )
    run = _Pull(workspace, client)
    with progress("pull", None) as step:
        for project in projects:
            for count in run.project(project):
                step(count)
    run.report.removed = run.people.removed()
    run.report.accepted = licence.collect(workspace, client, run.people)
    if run.report.corrected:
        update_tasks(workspace, client)
    return run.report


class _Pull:
    """One run of :func:`pull`."""

    def __init__(self, workspace: Workspace, client: Client) -> None:
        self.report = PullReport()
        self._workspace = workspace
        self._client = client
        self.people = People(workspace, client)
        self._per_task = workspace.settings.annotation.sentences_asked
        self._renamed: dict[str, str] = {}  # fields of the project that is being pulled

    def project(self, project: ProjectRecord) -> Iterator[int]:
        """Store what changed in one project; yield the number of tasks of each page."""
        found = self._find(project)
        if found is None:
            self.report.lost_projects.append(project.number)
            self._add_moves(reconcile(self._workspace, project.row, {}))
            return
        self._check_page(project, found)
        last = self._workspace.fact(pull_cursor(project.row))
        listed = self._listed(project.number, last)
        others = [n for n in known_tasks(self._workspace.db, project.row) if n not in listed]
        self._add_moves(
            reconcile(
                self._workspace,
                project.row,
                {number: entry.key for number, entry in listed.items()},
                self._client.existing(project.number, others),
            )
        )
        tasks = known_tasks(self._workspace.db, project.row)
        recent = _before(last, SETTLED)
        written = known_annotations(self._workspace.db, project.row)
        changed = [
            number
            for number, entry in listed.items()
            if not _is_current(tasks.get(number), entry, recent if number in written else None)
        ]
        newest = max([last or "", *(listed[n].updated for n in listed.keys() - set(changed))])
        for count, time in self._read(project, tasks, changed):
            newest = max(newest, time)
            yield count
        if newest != (last or ""):
            with self._workspace.transaction():
                self._workspace.set_fact(pull_cursor(project.row), newest)
        yield from self._compare(project, int(found.total_annotations_number or 0))

    def _read(
        self, project: ProjectRecord, tasks: Mapping[int, Task], numbers: Sequence[int]
    ) -> Iterator[tuple[int, str]]:
        """Store the content of tasks; yield the number of tasks and the latest time of each page.

        Args:
            project: The project.
            tasks: The project's tasks in the workspace, by number.
            numbers: The tasks to read.
        """
        for page in self._client.pages(project.number, only=numbers, size=PAGE):
            newest = ""
            with self._workspace.transaction():
                for entry in page:
                    task = tasks.get(entry.id)
                    if task is not None and task.sha256 != key_of(entry):
                        continue  # another task has the number now: the next pull finds it
                    newest = max(newest, server_time(entry.updated_at))
                    task = task or self._adopt(project, entry)
                    if task is not None:
                        self._task(task, entry)
                    elif project.closed_at is None:
                        self.report.unknown_tasks.append(int(entry.id))
            yield len(page), newest

    def _compare(self, project: ProjectRecord, total: int) -> Iterator[int]:
        """Read tasks with annotations that changed without a change of the task's time.

        The server stores an annotation first and the task's time later, in other transactions. If
        it is killed between the two, the time does not show the new annotation. The number of
        annotations does: if it differs from the workspace's, this lists the annotations.

        The numbers can differ permanently, as by a copy of an annotation that is not stored. So
        the difference is stored, and only a new difference leads to a list.

        Args:
            project: The project.
            total: Number of annotations in the project on the server, before tasks were read.
        """
        db = self._workspace.db
        fact = unmatched(project.row)
        known = known_annotations(db, project.row)
        if str(total - _count(known)) == (self._workspace.fact(fact) or "0"):
            return
        skips = known_skips(db, project.row)
        there = self._client.annotation_numbers(project.number)
        tasks = known_tasks(db, project.row)
        changed_tasks = [
            number
            for number in sorted(there.keys() | known.keys())
            if (number in tasks or project.closed_at is not None)
            and there.get(number, set()) - skips != known.get(number, set())
        ]
        for count, _ in self._read(project, tasks, changed_tasks):
            yield count
        difference = total - _count(known_annotations(db, project.row))
        with self._workspace.transaction():
            self._workspace.set_fact(fact, str(difference))

    def _find(self, project: ProjectRecord) -> Any | None:
        """Return a project as the server has it, or None."""
        try:
            found = self._client.call(self._client.sdk.projects.get, id=project.number)
        except Refused as error:
            if error.status != NOT_FOUND:
                raise
            return None
        # On SQLite, another project can have the number of a deleted project.
        return found if server_time(found.created_at) == project.created_at else None

    def _check_page(self, project: ProjectRecord, found: Any) -> None:
        """Report changes of a project's labeling page and store the renamed fields."""
        changed = page_changes(self._workspace, project, str(found.label_config))
        if changed is not None:
            self.report.changed_pages.append({"project": project.number, "renamed": changed})
            remember_renamed(self._workspace, project.row, changed)
        self._renamed = renamed_fields(self._workspace, project.row)

    def _listed(self, number: int, last: str | None) -> dict[int, _Listed]:
        """Return the tasks of a project that changed since the last pull, by number.

        Args:
            number: Number of the project on the server.
            last: Time of the last pull; None lists all tasks.
        """
        since = _with_overlap(last)
        return {
            int(task.id): _Listed(key_of(task), server_time(task.updated_at))
            for page in self._client.pages(number, since=since, annotations=False, size=TIMES_PAGE)
            for task in page
        }

    def _add_moves(self, found: Reconciled) -> None:
        self.report.adopted_tasks += found.adopted
        self.report.removed_tasks += found.removed
        self._add_deletions(found.deletions)

    def _add_deletions(self, deletions: Sequence[Deletion]) -> None:
        self.report.deletions += deletions
        self.report.deleted += len(deletions)

    def _adopt(self, project: ProjectRecord, entry: Any) -> Task | None:
        """Store a task that the workspace does not know, if the workspace has its image.

        Such tasks have new annotations in a closed project, or were pushed by a copy of this
        workspace.
        """
        image = image_of_key(self._workspace.db, key_of(entry))
        if image is None or not (entry.annotations or project.closed_at is None):
            return None
        adopt_task(self._workspace.db, project.row, image, entry.id)
        # None for a second task of an image.
        return known_tasks(self._workspace.db, project.row).get(int(entry.id))

    def _task(self, task: Task, found: Any) -> None:
        """Store the annotations, skips and drafts of a task."""
        time = server_time(found.updated_at)
        changed = task.updated_at != time  # a task that is read again is counted once
        self.report.tasks += changed
        entries = [
            annotation if isinstance(annotation, dict) else annotation.model_dump()
            for annotation in found.annotations or []
        ]
        present = {int(entry["id"]) for entry in entries if not entry.get("was_cancelled")}
        self._update_numbers(task.row, entries, present)
        for entry in sorted(entries, key=lambda entry: int(entry["id"])):
            if entry.get("was_cancelled"):
                self._skip(task.row, entry)
            elif self._is_double(task.row, entry, present):
                self.report.doubled += changed
            else:
                self._annotation(task, entry)
        self._add_deletions(mark_deleted(self._workspace.db, task.row, present))
        drafts = int(bool(getattr(found, "draft_exists", False)))
        self.report.drafts += drafts * changed
        mark_task_pulled(self._workspace.db, task.row, time, drafts)

    def _skip(self, task: int, entry: dict[str, Any]) -> None:
        author = self.people.row(entry.get("completed_by"))
        skip = Skip(task, entry["id"], author, server_time(entry["updated_at"]))
        self.report.skipped += add_skip(self._workspace.db, skip)

    def _update_numbers(
        self, task: int, entries: Sequence[dict[str, Any]], present: Collection[int]
    ) -> None:
        """Update the numbers of a task's annotations."""
        for entry in entries:
            if not entry.get("was_cancelled"):
                author = self.people.row(entry.get("completed_by"))
                free_number(self._workspace.db, task, entry)
                adopt_number(self._workspace.db, task, entry, author, present)

    def _is_double(self, task: int, entry: dict[str, Any], present: set[int]) -> bool:
        """Return whether the server stored the same request twice, this being the copy."""
        author = self.people.row(entry.get("completed_by"))
        result = stored_result(entry.get("result"))
        return is_double(self._workspace.db, task, author, int(entry["id"]), result, present)

    def _annotation(self, task: Task, entry: dict[str, Any]) -> None:
        """Store a revision of an annotation, unless it is stored already."""
        db = self._workspace.db
        updated = server_time(entry["updated_at"])
        known = revisions(db, task.row, entry["id"])
        same = next((revision for revision in known if revision.updated_at == updated), None)
        if same is not None and same.latest and not same.deleted:
            return
        if known:
            self.report.changed += 1
        else:
            self.report.new += 1
        before = next((revision.row for revision in known if revision.latest), None)
        clear_latest(db, task.row, entry["id"])
        if same is not None:  # restored, as from a backup of the server
            set_latest(db, same.row)
            if before != same.row:
                restore(db, before, same.row)
            return
        added = self._insert(task, entry, updated)
        if before is not None:
            changed = changed_accepted(db, before, added)
            if changed:
                author = self.people.row(entry.get("completed_by"))
                self.report.reopened.append(
                    {
                        "image": task.filename,
                        "annotator": annotator_email(db, author),
                        "sentences": changed,
                    }
                )
            self.report.corrected += carry_over(db, before, added)

    def _add_gaps(self, image: str, author: int, written: Written) -> None:
        """Report missing sentences, and texts in fields that are not read."""
        email = annotator_email(self._workspace.db, author)
        slots = {slot for slot, _ in written.sentences}
        missing = [slot for slot in range(1, self._per_task + 1) if slot not in slots]
        if missing:
            self.report.blank += len(missing)
            self.report.incomplete.append({"image": image, "annotator": email, "missing": missing})
        self.report.unread += [
            {"image": image, "annotator": email, "field": name, "texts": count}
            for name, count in written.unread
        ]
        self.report.folded += written.folded

    def _insert(self, task: Task, entry: dict[str, Any], updated: str) -> int:
        """Store a new revision with its texts; return its row."""
        db = self._workspace.db
        author = self.people.row(entry.get("completed_by"))
        changed_by = self.people.row(entry["updated_by"]) if entry.get("updated_by") else None
        row = add_revision(
            db,
            NewRevision(
                task=task.row,
                number=entry["id"],
                updated_at=updated,
                created_at=server_time(entry["created_at"]),
                author=author,
                updated_by=changed_by,
                lead_time=entry.get("lead_time"),
                result=stored_result(entry.get("result")),
            ),
        )
        if changed_by is not None and changed_by != author:
            self.report.foreign.append(
                {
                    "image": task.filename,
                    "annotator": annotator_email(db, author),
                    "changed_by": annotator_email(db, changed_by),
                }
            )
        written = parse_result(entry.get("result") or [], self._renamed)
        self._add_gaps(task.filename, author, written)
        add_texts(db, row, written.sentences, enumerate(written.keywords, 1))
        mark_origins(db, row, entry)
        return row


@dataclass(frozen=True, slots=True)
class _Listed:
    """The key of a task on the server and the time of its last change."""

    key: str
    updated: str


def _is_current(task: Task | None, entry: _Listed, recent: str | None) -> bool:
    """Return whether the last change of a task was pulled.

    Args:
        task: The task in the workspace.
        entry: The task on the server.
        recent: Changes after this time count as not pulled; None if there is no such time.
    """
    if task is None or task.updated_at != entry.updated:
        return False
    return recent is None or entry.updated <= recent


def _before(time: str | None, span: timedelta) -> str | None:
    """Return an earlier time, in the form of :func:`server_time`."""
    return None if time is None else server_time(datetime.fromisoformat(time) - span)


def _with_overlap(time: str | None) -> str | None:
    """Return the time from which to list tasks, in the only format that the server accepts."""
    if time is None:
        return None
    return f"{datetime.fromisoformat(time) - OVERLAP:%Y-%m-%dT%H:%M:%S.%fZ}"


def _count(annotations: Mapping[int, set[int]]) -> int:
    return sum(map(len, annotations.values()))

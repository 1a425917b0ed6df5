"""``annotate pull``: store the annotations that changed on the server, every revision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from rsitmd_tools.errors import RsitmdError, command_line
from rsitmd_tools.progress import progress
from rsitmd_tools.studio.api.calls import Refused
from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.sync import licence
from rsitmd_tools.studio.sync.accounts import ServerAccounts
from rsitmd_tools.studio.sync.changed_tasks import (
    changed_by_annotations,
    changed_by_time,
    now_on,
    tasks_since,
)
from rsitmd_tools.studio.sync.identity import Reconciled, key_of, reconcile
from rsitmd_tools.studio.sync.page_changes import page_changes, remember_renamed, renamed_fields
from rsitmd_tools.studio.sync.pictures import changed_picture
from rsitmd_tools.studio.sync.pull_report import PullReport
from rsitmd_tools.studio.sync.task_store import TaskStore
from rsitmd_tools.studio.sync.task_updates import update_tasks
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.annotations import known_annotations
from rsitmd_tools.workspace.clock import notice_set_back
from rsitmd_tools.workspace.projects import ProjectRecord, projects_of, pull_cursor, unmatched
from rsitmd_tools.workspace.tasks import (
    Task,
    adopt_task,
    image_of_key,
    known_tasks,
    set_tasks_with_drafts,
    tasks_of,
)

PAGE = 200  # tasks in one request with annotations
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
            hint="run: " + command_line("annotate", "push", workspace.path),
        )
    run = _Pull(workspace, client)
    if client.ahead is not None:
        with workspace.transaction():
            notice_set_back(workspace, client.connection.key, client.ahead)
    with progress("pull", None) as step:
        for project in projects:
            for count in run.project(project):
                step(count)
    run.report.removed = run.accounts.removed()
    run.report.accepted = licence.collect(workspace, client, run.accounts)
    if run.report.corrected or run.report.still_sent_back or run.report.repeated:
        update_tasks(workspace, client)
    return run.report


class _Pull:
    """One run of :func:`pull`."""

    def __init__(self, workspace: Workspace, client: Client) -> None:
        self.report = PullReport()
        self.accounts = ServerAccounts(workspace, client)
        self._workspace = workspace
        self._client = client
        self._store = TaskStore(workspace, self.accounts, self.report)

    def project(self, project: ProjectRecord) -> Iterator[int]:
        """Store what changed in one project; yield the number of tasks of each page."""
        found = self._find(project)
        if found is None:
            # No push creates a closed project again.
            if project.closed_at is None and project.number > 0:
                self.report.lost_projects.append(project.number)
            self._add_moves(reconcile(self._workspace, project.row, {}))
            self._store_drafts(project, set())
            return
        self._check_page(project, found)
        now = now_on(self._client)
        last = self._workspace.fact(pull_cursor(project.row))
        settled = None if last is None else min(last, now)
        if last is not None and last > now:  # a clock has been set back since the last pull
            last = None
        listed = tasks_since(self._client, project.number, last)
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
        changed = changed_by_time(self._workspace, project.row, listed, settled)
        # Found again by a push, as after a restore of the server: their times are old.
        changed += [n for n, task in tasks.items() if task.updated_at is None and n not in listed]
        newest = max([last or "", *(listed[n].updated for n in listed.keys() - set(changed))])
        for count, time in self._read(project, tasks, changed):
            newest = max(newest, time)
            yield count
        newest = min(newest, now)  # a clock that is ahead gives later times
        if newest != (last or ""):
            with self._workspace.transaction():
                self._workspace.set_fact(pull_cursor(project.row), newest)
        yield from self._compare(project, int(found.total_annotations_number or 0))
        self._store_drafts(project, self._client.tasks_with_drafts(project.number))

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
                        self._store.store(task, entry)
                        self._check_picture(task, entry)
                    else:
                        self._ignore(project, entry)
            yield len(page), newest

    def _compare(self, project: ProjectRecord, total: int) -> Iterator[int]:
        """Read tasks with annotations that changed without a change of the task's time.

        The number of annotations shows such a change: if it differs from the workspace's, this
        lists the annotations.

        The numbers can differ permanently, as by a copy of an annotation that is not stored. So
        the difference is stored, and only a new difference leads to a list.

        Args:
            project: The project.
            total: Number of annotations in the project on the server, before tasks were read.
        """
        fact = unmatched(project.row)
        difference = total - self._known(project)
        if str(difference) == (self._workspace.fact(fact) or "0"):
            return
        if any(task.number < 0 for task in tasks_of(self._workspace.db, project.row)):
            # A restored server has deleted tasks again, with the times that they had before.
            everything = tasks_since(self._client, project.number, None)
            keys = {number: entry.key for number, entry in everything.items()}
            self._add_moves(reconcile(self._workspace, project.row, keys))
        tasks = known_tasks(self._workspace.db, project.row)
        changed = changed_by_annotations(self._workspace, self._client, project)
        for count, _ in self._read(project, tasks, changed):
            yield count
        difference = total - self._known(project)
        with self._workspace.transaction():
            self._workspace.set_fact(fact, str(difference))

    def _store_drafts(self, project: ProjectRecord, numbers: Set[int]) -> None:
        """Store which tasks have drafts. A draft changes neither a task's time nor any number."""
        with self._workspace.transaction() as db:
            self.report.drafts += set_tasks_with_drafts(db, project.row, numbers)

    def _known(self, project: ProjectRecord) -> int:
        """Return the number of a project's annotations that the workspace has."""
        return sum(map(len, known_annotations(self._workspace.db, project.row).values()))

    def _find(self, project: ProjectRecord) -> Any | None:
        """Return a project as the server has it, or None."""
        if project.number < 0:  # another project has its number
            return None
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
        self._store.renamed = renamed_fields(self._workspace, project.row)

    def _check_picture(self, task: Task, entry: Any) -> None:
        """Report a picture that was changed on the server, once for each change of the task."""
        picture = changed_picture(self._workspace.db, task, entry.data)
        if picture is not None and task.updated_at != server_time(entry.updated_at):
            self.report.changed_pictures.append(picture)

    def _ignore(self, project: ProjectRecord, entry: Any) -> None:
        """Report a task that is not stored: a copy of a known task, or one of other origin."""
        authors = self._store.authors(project.owner, entry)
        known = known_tasks(self._workspace.db, project.row).values() if authors else ()
        task = next((task for task in known if task.sha256 == key_of(entry)), None)
        if task is not None:
            self.report.copies.append(
                {
                    "image": task.filename,
                    "task": task.number,
                    "copy": int(entry.id),
                    "annotators": authors,
                }
            )
        elif project.closed_at is None:
            self.report.unknown_tasks.append(int(entry.id))

    def _add_moves(self, found: Reconciled) -> None:
        self.report.adopted_tasks += found.adopted
        self.report.removed_tasks += found.removed
        self.report.add_deletions(found.deletions)

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

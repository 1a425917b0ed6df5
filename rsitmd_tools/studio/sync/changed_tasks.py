"""Which tasks of a project a pull has to read: by their times, and by their annotations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.studio.sync.identity import key_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.annotations import known_annotations
from rsitmd_tools.workspace.projects import ProjectRecord
from rsitmd_tools.workspace.tasks import Task, known_skips, known_tasks

# The server's clock may be set back; tasks that changed in this span are listed again.
OVERLAP = timedelta(hours=2)
# The server stores a task's time before a changed annotation, and again after it. If it is killed
# in between, the first time may have been pulled. So tasks with annotations that changed shortly
# before the last pull are read again. A request takes less than this.
SETTLED = timedelta(minutes=10)
TIMES_PAGE = 1000  # tasks in one request for keys and times


@dataclass(frozen=True, slots=True)
class ListedTask:
    """The key of a task on the server and the time of its last change."""

    key: str
    updated: str


def now_on(client: Client) -> str:
    """Return the current time by the clock of the server, or of this computer if it is behind.

    A time after this comes from a clock that is ahead. If it were stored as the time of the last
    pull, the changes that follow the correction of the clock would look older than the pull.
    """
    return server_time(datetime.now(UTC) + timedelta(seconds=min(0.0, client.ahead or 0.0)))


def tasks_since(client: Client, project: int, last: str | None) -> dict[int, ListedTask]:
    """Return the tasks of a project that changed since the last pull, by number.

    Args:
        client: The server.
        project: Number of the project on the server.
        last: Time of the last pull; None lists all tasks.
    """
    since = _with_overlap(last)
    return {
        int(task.id): ListedTask(key_of(task), server_time(task.updated_at))
        for page in client.pages(project, since=since, annotations=False, size=TIMES_PAGE)
        for task in page
    }


def changed_by_time(
    workspace: Workspace, project: int, listed: Mapping[int, ListedTask], last: str | None
) -> list[int]:
    """Return the listed tasks whose last change may not have been pulled.

    Args:
        workspace: The workspace.
        project: Row of the project.
        listed: Tasks on the server, of :func:`tasks_since`.
        last: Time of the last pull, or the current time if the clock was set back since; None
            before the first pull.
    """
    tasks = known_tasks(workspace.db, project)
    written = known_annotations(workspace.db, project)
    recent = None if last is None else server_time(datetime.fromisoformat(last) - SETTLED)
    return [
        number
        for number, entry in listed.items()
        if not _is_current(tasks.get(number), entry, recent if number in written else None)
    ]


def changed_by_annotations(
    workspace: Workspace, client: Client, project: ProjectRecord
) -> list[int]:
    """Return the tasks that have other annotations on the server than in the workspace.

    The server stores an annotation first and the task's time later, in other transactions. If it
    is killed between the two, the time does not show the new annotation.
    """
    db = workspace.db
    skips = known_skips(db, project.row)
    known = known_annotations(db, project.row)
    tasks = known_tasks(db, project.row)
    there = client.annotation_numbers(project.number)
    return [
        number
        for number in sorted(there.keys() | known.keys())
        if (number in tasks or project.closed_at is not None)
        and there.get(number, set()) - skips != known.get(number, set())
    ]


def _is_current(task: Task | None, entry: ListedTask, recent: str | None) -> bool:
    """Return whether the last change of a task was pulled.

    Args:
        task: The task in the workspace.
        entry: The task on the server.
        recent: Changes after this time count as not pulled; None if there is no such time.
    """
    if task is None or task.updated_at != entry.updated:
        return False
    return recent is None or entry.updated <= recent


def _with_overlap(time: str | None) -> str | None:
    """Return the time from which to list tasks, in the only format that the server accepts."""
    if time is None:
        return None
    return f"{datetime.fromisoformat(time) - OVERLAP:%Y-%m-%dT%H:%M:%S.%fZ}"

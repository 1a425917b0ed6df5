"""``annotate pull --check``: find texts that are stored for the wrong image.

Earlier versions of this tool identified tasks by number. If the server had given a number to
another task, they stored the texts of that task for the wrong image. The server still knows
the task of each annotation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from rsitmd_tools.progress import progress
from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.api.secrets import EMBEDDED
from rsitmd_tools.studio.sync.identity import key_of
from rsitmd_tools.studio.sync.results import annotations_of
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.annotations import (
    PlacedAnnotation,
    placed_annotations,
    withdraw_annotation,
)
from rsitmd_tools.workspace.projects import forget_pull_cursor, projects_of
from rsitmd_tools.workspace.states import PULL, REJECTED, REPLACED, move
from rsitmd_tools.workspace.tasks import forget_task_times, task_images
from rsitmd_tools.workspace.texts import sentences_of

NOTE = "written for another image"
CLOCK_DIFFERENCE = timedelta(minutes=5)  # allowed between the clocks of two machines


@dataclass(slots=True)
class CheckReport:
    """The result of a check.

    Attributes:
        checked: Number of annotations that were compared with the server.
        unchecked: Number of annotations that the server does not have any more.
        misplaced: Annotations that are stored for another image than they were written for:
            ``{"image", "annotator", "sentences", "written_for"}``. ``written_for`` is None if
            the workspace does not have that image.
        doubtful: Annotations whose task was created on the server after this workspace had
            pushed it: ``{"image", "annotator", "sentences"}``. An earlier version may have
            overwritten the data of an unrelated task.
        fixed: Number of misplaced annotations that were removed from the wrong image.
    """

    checked: int = 0
    unchecked: int = 0
    misplaced: list[dict[str, Any]] = field(default_factory=list)
    doubtful: list[dict[str, Any]] = field(default_factory=list)
    fixed: int = 0


def check(workspace: Workspace, *, fix: bool = False) -> CheckReport:
    """Compare the image of every annotation in the workspace with its task on the server.

    An annotation is found by its number and by the time at which it was created.

    Args:
        workspace: The workspace; open to write with ``fix``.
        fix: Remove misplaced annotations from the wrong image. They stay in its history. The
            next pull stores them for the right image, if the workspace has it.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """
    client = Client(connection_of(workspace))
    on_server = _on_server(client, _projects(workspace, client))
    names = {image.sha256: image.filename for image in task_images(workspace.db, removed=True)}
    report = CheckReport()
    wrong = []
    for annotation in placed_annotations(workspace.db, client.connection.key):
        found = on_server.get((annotation.number, annotation.created_at))
        if found is None:
            report.unchecked += 1
            continue
        report.checked += 1
        if found.key != annotation.sha256:
            wrong.append(annotation)
            entry = _entry(workspace, annotation)
            report.misplaced.append({**entry, "written_for": names.get(found.key)})
        elif found.created_at > _latest_push(annotation.pushed_at, client.connection.key):
            report.doubtful.append(_entry(workspace, annotation))
    if fix and wrong:
        _withdraw(workspace, wrong)
        report.fixed = len(wrong)
    return report


def _projects(workspace: Workspace, client: Client) -> list[int]:
    """Return the numbers of this server's projects that still exist."""
    listed: list[Any] = client.call(lambda: list(client.sdk.projects.list()))
    created = {int(project.id): server_time(project.created_at) for project in listed}
    return [
        project.number
        for project in projects_of(workspace.db, client.connection.key)
        if created.get(project.number) == project.created_at
    ]


class _Task(NamedTuple):
    """The task of an annotation on the server: its key and when it was created."""

    key: str
    created_at: str


def _latest_push(pushed_at: str, server: str) -> str:
    """Return the latest server time at which a task can have been created by this push."""
    if server.startswith(EMBEDDED):  # same clock
        return pushed_at
    return server_time(datetime.fromisoformat(pushed_at) + CLOCK_DIFFERENCE)


def _on_server(client: Client, projects: list[int]) -> dict[tuple[int, str], _Task]:
    """Return the task of each annotation, by number and time of creation."""
    found: dict[tuple[int, str], _Task] = {}
    with progress("check", None) as step:
        for project in projects:
            for page in client.pages(project):
                for task in page:
                    for entry in annotations_of(task):
                        created = server_time(entry["created_at"])
                        found[int(entry["id"]), created] = _Task(
                            key_of(task), server_time(task.created_at)
                        )
                step(len(page))
    return found


def _entry(workspace: Workspace, annotation: PlacedAnnotation) -> dict[str, Any]:
    return {
        "image": annotation.filename,
        "annotator": annotation.email,
        "sentences": [sentence.raw for sentence in sentences_of(workspace.db, annotation.row)],
    }


def _withdraw(workspace: Workspace, wrong: list[PlacedAnnotation]) -> None:
    """Take annotations out of the dataset, and let the next pull read all tasks again."""
    with workspace.transaction() as db:
        for annotation in wrong:
            for sentence in sentences_of(db, annotation.row):
                if sentence.state not in (REJECTED, REPLACED):
                    move(db, sentence.row, REPLACED, PULL, note=NOTE)
            withdraw_annotation(db, annotation)
        for project in {annotation.project for annotation in wrong}:
            forget_pull_cursor(db, project)
            forget_task_times(db, project)

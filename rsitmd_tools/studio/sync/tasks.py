"""The tasks of one project: one task for each image, with the current data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rsitmd_tools.annotation_templates import HINT, IMAGE, NOTE, SUGGESTED
from rsitmd_tools.errors import RsitmdError, count_of
from rsitmd_tools.progress import Step, progress
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.identity import KEY, Reconciled, data_key, read_tasks
from rsitmd_tools.studio.sync.notes import SENT_BACK, SENT_BACK_NOTE, notes, sent_back_texts
from rsitmd_tools.studio.sync.pictures import ChangedPicture, changed_picture
from rsitmd_tools.studio.sync.task_data import OtherTask, change_data
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.clock import record_clock
from rsitmd_tools.workspace.store import utc_now
from rsitmd_tools.workspace.tasks import (
    SentTask,
    Task,
    TaskImage,
    known_tasks,
    record_tasks,
    set_image_addresses,
    set_task_data,
    tasks_ever_sent_back,
)

HINTS = (HINT, SUGGESTED)  # only ``annotate assist`` changes them

# Makes a task's data from its image and its note.
TaskData = Callable[[TaskImage, str], dict[str, Any]]


@dataclass(slots=True)
class Tasks:
    """The tasks of one project, in the workspace and on the server.

    Attributes:
        workspace: The workspace.
        client: The server.
        project: Row of the project.
        number: Number of the project on the server.
        data: Makes a task's data from its image and its note.
        reconciled: Differences that :meth:`refresh` has found so far.
        there: Data of the server's tasks by number, as :meth:`refresh` has read them.
        pictures: Tasks whose picture was changed on the server, as :meth:`update` has found them.
        other_notes: Images of tasks from which :meth:`update` has removed a note about sentences
            that this workspace never sent back.
    """

    workspace: Workspace
    client: Client
    project: int
    number: int
    data: TaskData
    reconciled: Reconciled = field(default_factory=Reconciled)
    there: dict[int, Any] = field(default_factory=dict)
    pictures: list[ChangedPicture] = field(default_factory=list)
    other_notes: list[str] = field(default_factory=list)

    def known(self) -> dict[int, Task]:
        """Return the tasks that are on the server, by row of the image."""
        tasks = known_tasks(self.workspace.db, self.project)
        return {task.image: task for task in tasks.values()}

    def keys(self) -> dict[int, str]:
        """Return the keys of the server's tasks by number, as :meth:`refresh` has read them."""
        return {number: data_key(data) for number, data in self.there.items()}

    def refresh(self) -> dict[str, dict[int, Any]]:
        """Read all tasks of the project and update the numbers in the workspace.

        Returns:
            The data of the server's tasks by key and number.
        """
        on_server, found = read_tasks(self.workspace, self.client, self.project, self.number)
        self.reconciled.adopted += found.adopted
        self.reconciled.removed += found.removed
        self.reconciled.deletions += found.deletions
        self.there = {n: data for copies in on_server.values() for n, data in copies.items()}
        return on_server

    def find(self, images: Sequence[TaskImage]) -> tuple[int, list[TaskImage]]:
        """Find tasks that exist on the server and that the workspace does not know.

        Returns:
            The number of tasks that were found, and the images without a task on the server.
        """
        on_server = self.refresh()
        known = self.known()
        found = []
        for image in images:
            copies = on_server.get(image.sha256)
            if copies and image.row not in known:
                number = min(copies)
                found.append(SentTask(image.row, number, self._hash_of(copies[number], image)))
        self._record(found)
        return len(found), [image for image in images if image.sha256 not in on_server]

    def send(self, images: Sequence[TaskImage], batch: int, step: Step) -> None:
        """Create tasks for images, ``batch`` in each request."""
        for first in range(0, len(images), batch):
            self._send(images[first : first + batch])
            step(len(images[first : first + batch]))

    def update(
        self,
        images: Mapping[int, TaskImage],
        notify: Callable[[str], None] | None = None,
    ) -> int:
        """Send new data to the tasks whose data are out of date.

        If :meth:`refresh` has read the tasks, their data on the server are compared. Otherwise it
        compares what was sent last.

        Annotations stay, and so do fields that somebody added to a task by hand.

        Args:
            images: Images by row.
            notify: Receives one line about the changes before they are made.

        Returns:
            The number of tasks that were changed.
        """
        current = self._current(images)
        changed = [entry for entry in current if self._is_stale(*entry)]
        self.pictures += self._changed_pictures()
        self.other_notes += self._other_notes(changed)
        if changed and notify is not None:
            tasks = count_of(len(changed), "task")
            notify(f"new data for {tasks} of project {self.number}")
        moved = False
        with progress("change tasks", len(changed)) as step:
            for task, data in changed:
                moved |= not self._change(task, data)
                step()
        if moved:
            # Some numbers belong to other tasks now. The next push creates the tasks that
            # were deleted.
            self.refresh()
            for task, data in self._current(images):
                if self._is_stale(task, data):
                    self._change(task, data)
        self._record_addresses(current)
        return len(changed)

    def _current(self, images: Mapping[int, TaskImage]) -> list[tuple[Task, dict[str, Any]]]:
        """Return the tasks with the data that they should have."""
        note_of = notes(self.workspace, self.project)
        texts = sent_back_texts(self.workspace, self.project)
        return [
            (
                task,
                {
                    **self.data(images[image], note_of.get(task.row, "")),
                    **({SENT_BACK: texts[task.row]} if task.row in texts else {}),
                },
            )
            for image, task in self.known().items()
        ]

    def _changed_pictures(self) -> list[ChangedPicture]:
        db = self.workspace.db
        known = known_tasks(db, self.project)
        found = (
            changed_picture(db, known[number], data)
            for number, data in self.there.items()
            if number in known
        )
        return [picture for picture in found if picture is not None]

    def _other_notes(self, changed: Sequence[tuple[Task, dict[str, Any]]]) -> list[str]:
        """Return the images whose new data lack a note that another workspace made.

        A copy of the workspace knows the same tasks, but not the decisions of the other copy.
        """
        own = tasks_ever_sent_back(self.workspace.db, self.project)
        return [
            task.filename
            for task, _ in changed
            if task.row not in own
            and SENT_BACK_NOTE in str(self.there.get(task.number, {}).get(NOTE) or "")
        ]

    def _record_addresses(self, current: Sequence[tuple[Task, dict[str, Any]]]) -> None:
        sent = {task.row: str(data[IMAGE]) for task, data in current}
        changed = {
            task.row: sent[task.row] for task, _ in current if task.image_address != sent[task.row]
        }
        if changed:
            with self.workspace.transaction() as db:
                set_image_addresses(db, changed)

    def _is_stale(self, task: Task, data: Mapping[str, Any]) -> bool:
        """Return whether a task's data are out of date.

        They also are if the server has other data, as after a restore of the server.
        """
        there = self.there.get(task.number)
        return task.data_sha256 != _sha256(data) or (
            there is not None
            and any(there.get(name) != value for name, value in data.items() if name not in HINTS)
        )

    def _change(self, task: Task, data: dict[str, Any]) -> bool:
        """Send new data to a task; return False if its number belongs to another task now."""

        def merged(old: Mapping[str, Any]) -> dict[str, Any]:
            return {**old, **data, **{name: old[name] for name in HINTS if old.get(name)}}

        studio, sent_at = self.workspace.studio, utc_now()
        try:
            changed_at = change_data(self.client, studio, task.number, task.sha256, merged)
        except OtherTask:
            return False
        with self.workspace.transaction() as db:
            set_task_data(db, task.row, _sha256(data))
            set_image_addresses(db, {task.row: str(data[IMAGE])})
            if changed_at is not None:
                record_clock(self.workspace, self.client.connection.key, sent_at, changed_at)
        return True

    def _send(self, images: Sequence[TaskImage]) -> None:
        """Create the tasks of one batch on the server and store them."""
        data = [self.data(image, "") for image in images]

        def send() -> list[int]:
            answer = self.client.sdk.projects.import_tasks(
                id=self.number,
                request=[{"data": entry} for entry in data],
                return_task_ids=True,
            )
            return list(answer.task_ids or [])

        def find() -> list[int] | None:
            on_server = self.refresh()
            if all(image.sha256 in on_server for image in images):
                return [min(on_server[image.sha256]) for image in images]
            return None

        numbers = self.client.make(send, find)
        if len(numbers) != len(images):
            raise RsitmdError(
                f"the server created {len(numbers)} of {len(images)} tasks",
                where=self.client.connection.url,
                hint="run the same command again",
            )
        self._record(
            [
                SentTask(image.row, number, _sha256(entry))
                for image, number, entry in zip(images, numbers, data, strict=True)
            ]
        )

    def _hash_of(self, data: Mapping[str, Any], image: TaskImage) -> str:
        """Return the hash of those fields of a task's data that this tool sends."""
        return _sha256({name: data.get(name) for name in self.data(image, "")})

    def _record(self, tasks: Sequence[SentTask]) -> None:
        with self.workspace.transaction() as db:
            record_tasks(db, self.project, tasks)


def own_data(image: TaskImage, address: str, note: str) -> dict[str, Any]:
    """Return the fields that every task has, with the key by which it is found again."""
    return {
        IMAGE: address,
        "filename": image.filename,
        "category": image.category,
        KEY: image.sha256,
        NOTE: note,
    }


def _sha256(data: Mapping[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()

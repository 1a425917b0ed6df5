"""The tasks of one project: each image once, with the data that the page shows now."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rsitmd_tools.annotation_templates import HINT, IMAGE, NOTE, SUGGESTED
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.progress import Step, progress
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.identity import KEY, Reconciled, known_tasks, look_at_tasks
from rsitmd_tools.studio.sync.notes import notes
from rsitmd_tools.studio.sync.projects import Project
from rsitmd_tools.studio.sync.task_data import OtherTask, change_data
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.store import utc_now

# A task's data from a row of table ``image`` and a note.
TaskData = Callable[[sqlite3.Row, str], dict[str, Any]]


@dataclass(slots=True)
class Tasks:
    """The tasks of one project, in the workspace and on the server.

    Attributes:
        workspace: The workspace.
        client: The server.
        project: The project.
        data: Makes a task's data from a row of table ``image`` and a note.
        reconciled: What the last :meth:`refresh` found.
    """

    workspace: Workspace
    client: Client
    project: Project
    data: TaskData
    reconciled: Reconciled = field(default_factory=Reconciled)

    def known(self) -> dict[int, sqlite3.Row]:
        """Return the tasks that are on the server, by image row."""
        tasks = known_tasks(self.workspace, self.project.row)
        return {row["image_id"]: row for row in tasks.values()}

    def refresh(self) -> dict[str, dict[int, Any]]:
        """Look at all tasks of the project and bring the workspace's numbers up to date.

        Returns:
            The data of the server's tasks by key and number.
        """
        on_server, found = look_at_tasks(
            self.workspace, self.client, self.project.row, self.project.number
        )
        self.reconciled.adopted += found.adopted
        self.reconciled.removed += found.removed
        self.reconciled.deletions += found.deletions
        return on_server

    def find(self, images: Sequence[sqlite3.Row]) -> tuple[int, list[sqlite3.Row]]:
        """Look up what the server has of these images and the workspace does not know.

        Returns:
            How many tasks were found, and the images that the server lacks.
        """
        on_server = self.refresh()
        known = self.known()
        found = []
        for row in images:
            here = on_server.get(row["sha256"])
            # A copy that somebody imported beside a task we know changes nothing.
            if here and row["id"] not in known:
                number = min(here)
                found.append((row["id"], number, self._hash_of(here[number], row)))
        self._record(found)
        return len(found), [row for row in images if row["sha256"] not in on_server]

    def send(self, images: Sequence[sqlite3.Row], batch: int, step: Step) -> None:
        """Make tasks of images, batch by batch."""
        for first in range(0, len(images), batch):
            self._send(images[first : first + batch])
            step(len(images[first : first + batch]))

    def follow(
        self, images: Mapping[int, sqlite3.Row], say: Callable[[str], None] | None = None
    ) -> int:
        """Give the tasks whose data are not what they should be their new data.

        Annotations stay, and so do fields that somebody added to a task by hand.

        Args:
            images: Rows of table ``image`` by id.
            say: Told what will change before it does.

        Returns:
            How many tasks were changed.
        """
        changed = self._stale(images)
        if changed and say is not None:
            tasks = "1 task" if len(changed) == 1 else f"{len(changed)} tasks"
            say(f"new data for {tasks} of project {self.project.number}")
        elsewhere = False
        with progress("change tasks", len(changed)) as step:
            for task, data in changed:
                elsewhere |= not self._change(task, data)
                step()
        if elsewhere:
            # Some numbers belong to other tasks now: find ours. What is gone is made anew by
            # the next push that needs it.
            self.refresh()
            for task, data in self._stale(images):
                self._change(task, data)
        return len(changed)

    def _stale(self, images: Mapping[int, sqlite3.Row]) -> list[tuple[sqlite3.Row, dict[str, Any]]]:
        """Return the tasks whose data are not what they should be, with the right data."""
        said = notes(self.workspace, self.project.row)
        stale = []
        for image, task in self.known().items():
            data = self.data(images[image], said.get(task["id"], ""))
            if task["data_sha256"] != _sha256(data):
                stale.append((task, data))
        return stale

    def _change(self, task: sqlite3.Row, data: dict[str, Any]) -> bool:
        """Send a task's data; return False where its number is not its own any more."""

        def whole(old: Mapping[str, Any]) -> dict[str, Any]:
            assist = {name: old[name] for name in (HINT, SUGGESTED) if old.get(name)}
            return {**old, **data, **assist}  # what the assist wrote is its own

        number, key = task["server_id"], task[KEY]
        try:
            change_data(self.client, self.workspace.studio, number, key, whole)
        except OtherTask:
            return False
        with self.workspace.transaction() as db:
            db.execute("UPDATE task SET data_sha256 = ? WHERE id = ?", (_sha256(data), task["id"]))
        return True

    def _send(self, images: Sequence[sqlite3.Row]) -> None:
        """Import one batch and record its tasks."""
        data = [self.data(row, "") for row in images]

        def send() -> list[int]:
            answer = self.client.sdk.projects.import_tasks(
                id=self.project.number,
                request=[{"data": entry} for entry in data],
                return_task_ids=True,
            )
            return list(answer.task_ids or [])

        def look() -> list[int] | None:
            there = self.refresh()
            whole = all(row[KEY] in there for row in images)
            return [min(there[row[KEY]]) for row in images] if whole else None

        numbers = self.client.make(send, look)
        if len(numbers) != len(images):
            raise RsitmdError(
                f"the server took {len(numbers)} of {len(images)} tasks",
                where=self.client.connection.url,
                hint="run the same command again",
            )
        self._record(
            [
                (row["id"], number, _sha256(entry))
                for row, number, entry in zip(images, numbers, data, strict=True)
            ]
        )

    def _hash_of(self, there: Mapping[str, Any], row: sqlite3.Row) -> str:
        """Return the hash of that part of a task's data which is ours."""
        return _sha256({name: there.get(name) for name in self.data(row, "")})

    def _record(self, tasks: Sequence[tuple[int, int, str]]) -> None:
        """Write ``(image row, number on the server, hash of the data)`` into the workspace."""
        with self.workspace.transaction() as db:
            # The server gave these numbers to our tasks: whoever had them is gone.
            db.executemany(
                "UPDATE task SET server_id = -id, updated_at = NULL"
                " WHERE project_id = ? AND server_id = ? AND image_id <> ?",
                [(self.project.row, number, image) for image, number, _ in tasks],
            )
            db.executemany(
                "INSERT INTO task (project_id, image_id, server_id, pushed_at, data_sha256)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT (project_id, image_id) DO UPDATE"
                " SET server_id = excluded.server_id, data_sha256 = excluded.data_sha256,"
                " pushed_at = excluded.pushed_at, updated_at = NULL",
                [
                    (self.project.row, image, number, utc_now(), data)
                    for image, number, data in tasks
                ],
            )


def own_data(row: sqlite3.Row, address: str, note: str) -> dict[str, Any]:
    """Return what every page shows, and the key by which a task is found again."""
    return {
        IMAGE: address,
        "filename": row["filename"],
        "category": row["category"],
        KEY: row["sha256"],
        NOTE: note,
    }


def _sha256(data: Mapping[str, Any]) -> str:
    text = json.dumps(data, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()

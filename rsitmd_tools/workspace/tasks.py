"""The tasks of projects and the images that they show: the tables ``task`` and ``skip``.

The number of a task is its address on the server. A task that the server does not have any
more has a negative number. The functions that change something must be called inside a
transaction.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rsitmd_tools.workspace.states import SENT_BACK
from rsitmd_tools.workspace.store import utc_now


@dataclass(frozen=True, slots=True)
class TaskImage:
    """What a task needs of its image.

    Attributes:
        row: Row in the table ``image``.
        filename: File name of the image in the workspace.
        category: Category of the image.
        sha256: SHA-256 of the source file: the key of the image's tasks.
    """

    row: int
    filename: str
    category: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Task:
    """A task as the workspace knows it.

    Attributes:
        row: Row in the table ``task``.
        image: Row of its image.
        number: Number of the task on the server; negative if the server does not have it.
        data_sha256: SHA-256 of the data that were sent last; None if they are not known.
        updated_at: The server's time of the last change that was pulled, or None.
        filename: File name of the image.
        sha256: SHA-256 of the image's source: the key of the task.
        image_address: Address of the picture in the data that were sent last; None if it is not
            known.
    """

    row: int
    image: int
    number: int
    data_sha256: str | None
    updated_at: str | None
    filename: str
    sha256: str
    image_address: str | None


@dataclass(frozen=True, slots=True)
class TaskNumber:
    """The place of an image on a server.

    Attributes:
        project: Number of the project on the server.
        task: Number of the task on the server.
    """

    project: int
    task: int


class SentTask(NamedTuple):
    """A task that was found or created on the server.

    Attributes:
        image: Row of its image.
        number: Number of the task on the server.
        data_sha256: SHA-256 of its data.
    """

    image: int
    number: int
    data_sha256: str


class Skip(NamedTuple):
    """An annotator's skip of a task.

    Attributes:
        task: Row of the task.
        number: Number of the skip on the server.
        annotator: Row of the annotator.
        skipped_at: The server's time.
    """

    task: int
    number: int
    annotator: int
    skipped_at: str


class SentBackSentence(NamedTuple):
    """A sentence that its author is to write again.

    Attributes:
        task: Row of its task.
        annotation: Row of its annotation.
        slot: Number of its field on the labeling page.
        raw: The text; empty if the field was left empty.
        written: The text before corrections, as on the labeling page.
        email: Address of the author.
        name: Name of the author; may be empty.
        note: The reviewer's note; may be empty or None.
    """

    task: int
    annotation: int
    slot: int
    raw: str
    written: str
    email: str
    name: str
    note: str | None


def task_images(db: sqlite3.Connection, *, removed: bool = False) -> list[TaskImage]:
    """Return the images of the workspace, ordered by category and number.

    Args:
        db: The workspace's database.
        removed: Return the images that were removed from the dataset too.
    """
    table = "image" if removed else "kept_image"
    rows = db.execute(
        f"SELECT id, filename, category, sha256 FROM {table} ORDER BY category, number"
    )
    return [TaskImage(*row) for row in rows]


def image_of_key(db: sqlite3.Connection, sha256: str) -> int | None:
    """Return the row of the image with a key, or None."""
    row = db.execute("SELECT id FROM image WHERE sha256 = ?", (sha256,)).fetchone()
    return None if row is None else int(row["id"])


def tasks_of(db: sqlite3.Connection, project: int) -> list[Task]:
    """Return all tasks of a project, including those that the server does not have."""
    rows = db.execute(
        "SELECT task.id, image_id, server_id, data_sha256, updated_at, filename, sha256,"
        " image_address FROM task JOIN image ON image.id = image_id WHERE project_id = ?"
        " ORDER BY task.id",
        (project,),
    )
    return [Task(*row) for row in rows]


def known_tasks(db: sqlite3.Connection, project: int) -> dict[int, Task]:
    """Return the tasks of a project that are on the server, by their number there."""
    return {task.number: task for task in tasks_of(db, project) if task.number > 0}


def owner_of_task(db: sqlite3.Connection, task: int) -> int | None:
    """Return the annotator (row) whose project has a task; None in a shared project."""
    row = db.execute(
        "SELECT annotator_id FROM project WHERE id = (SELECT project_id FROM task WHERE id = ?)",
        (task,),
    ).fetchone()
    return None if row is None else row["annotator_id"]


def record_tasks(db: sqlite3.Connection, project: int, tasks: Sequence[SentTask]) -> None:
    """Store tasks that were found or created on the server.

    Other tasks of the project that had one of these numbers are not on the server any more.
    """
    db.executemany(
        "UPDATE task SET server_id = -id, updated_at = NULL"
        " WHERE project_id = ? AND server_id = ? AND image_id <> ?",
        [(project, task.number, task.image) for task in tasks],
    )
    db.executemany(
        "INSERT INTO task (project_id, image_id, server_id, pushed_at, data_sha256)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (project_id, image_id) DO UPDATE"
        " SET server_id = excluded.server_id, data_sha256 = excluded.data_sha256,"
        " pushed_at = excluded.pushed_at, updated_at = NULL, image_address = NULL",
        [(project, task.image, task.number, utc_now(), task.data_sha256) for task in tasks],
    )


def adopt_task(db: sqlite3.Connection, project: int, image: int, number: int) -> None:
    """Add a task that was found on the server, unless the image has one in the project."""
    db.execute(
        "INSERT OR IGNORE INTO task (project_id, image_id, server_id, pushed_at)"
        " VALUES (?, ?, ?, ?)",
        (project, image, number, utc_now()),
    )


def free_task_numbers(db: sqlite3.Connection, tasks: Iterable[int]) -> None:
    """Mark tasks (rows) as missing on the server: each gets a negative number."""
    db.executemany(
        "UPDATE task SET server_id = -id, updated_at = NULL WHERE id = ?",
        [(task,) for task in tasks],
    )


def free_project_task_numbers(db: sqlite3.Connection, project: int) -> None:
    """Mark all tasks of a project as missing on the server."""
    db.execute("UPDATE task SET server_id = -id WHERE project_id = ?", (project,))


def renumber_task(db: sqlite3.Connection, task: int, number: int) -> None:
    """Store a task's new number on the server; its data are not known then."""
    db.execute(
        "UPDATE task SET server_id = ?, data_sha256 = NULL, pushed_at = ? WHERE id = ?",
        (number, utc_now(), task),
    )


def set_task_data(db: sqlite3.Connection, task: int, data_sha256: str) -> None:
    """Store the SHA-256 of the data that were sent to a task."""
    db.execute("UPDATE task SET data_sha256 = ? WHERE id = ?", (data_sha256, task))


def set_image_addresses(db: sqlite3.Connection, addresses: Mapping[int, str]) -> None:
    """Store the addresses of the pictures that were sent, by row of the task."""
    db.executemany(
        "UPDATE task SET image_address = ? WHERE id = ?",
        [(address, task) for task, address in addresses.items()],
    )


def mark_task_pulled(db: sqlite3.Connection, task: int, updated_at: str) -> None:
    """Store the server's time of the last change of a task."""
    db.execute("UPDATE task SET updated_at = ? WHERE id = ?", (updated_at, task))


def set_tasks_with_drafts(db: sqlite3.Connection, project: int, numbers: Iterable[int]) -> int:
    """Store which tasks of a project (row) have drafts; return how many the workspace knows.

    Args:
        db: The workspace's database.
        project: Row of the project.
        numbers: Numbers of the tasks on the server.
    """
    db.execute("UPDATE task SET drafts = 0 WHERE project_id = ?", (project,))
    db.executemany(
        "UPDATE task SET drafts = 1 WHERE project_id = ? AND server_id = ?",
        [(project, number) for number in numbers],
    )
    known = "SELECT count(*) FROM task WHERE project_id = ? AND drafts > 0"
    return int(db.execute(known, (project,)).fetchone()[0])


def forget_task_times(db: sqlite3.Connection, project: int) -> None:
    """Let the next pull read all tasks of a project, whatever their times are."""
    db.execute("UPDATE task SET updated_at = NULL WHERE project_id = ?", (project,))


def add_skip(db: sqlite3.Connection, skip: Skip) -> bool:
    """Store a skip; return False if it is known."""
    added = db.execute(
        "INSERT OR IGNORE INTO skip (task_id, server_id, annotator_id, skipped_at)"
        " VALUES (?, ?, ?, ?)",
        skip,
    )
    return added.rowcount == 1


def known_skips(db: sqlite3.Connection, project: int) -> set[int]:
    """Return the numbers of the skips of a project on the server."""
    rows = db.execute(
        "SELECT skip.server_id FROM skip JOIN task ON task.id = task_id WHERE project_id = ?",
        (project,),
    )
    return {row[0] for row in rows}


def sent_back_sentences(db: sqlite3.Connection, project: int) -> list[SentBackSentence]:
    """Return the sentences of a project that are sent back and not written again.

    If the annotation was deleted on the server, its sentences count until their author has
    another annotation of the task.
    """
    rows = db.execute(
        "SELECT task.id, annotation_id, sentence.slot, raw, coalesce(("
        "  SELECT before FROM correction WHERE sentence_id = sentence.id"
        "  ORDER BY correction.id LIMIT 1), raw) AS written, annotator.email, annotator.name, ("
        "  SELECT note FROM decision WHERE sentence_id = sentence.id AND after = :sent_back"
        "  ORDER BY decision.id DESC LIMIT 1) AS note"
        " FROM sentence JOIN annotation ON annotation.id = annotation_id"
        " JOIN task ON task.id = task_id JOIN annotator ON annotator.id = annotator_id"
        " WHERE task.project_id = :project AND state = :sent_back AND latest AND ("
        "  deleted_at IS NULL OR NOT EXISTS (SELECT 1 FROM live_annotation AS other"
        "   WHERE other.task_id = task.id AND other.annotator_id = annotation.annotator_id))"
        " ORDER BY task.id, annotation.server_id, slot",
        {"project": project, "sent_back": SENT_BACK},
    )
    return [SentBackSentence(*row) for row in rows]


def tasks_ever_sent_back(db: sqlite3.Connection, project: int) -> set[int]:
    """Return the tasks (rows) of a project with a sentence that was sent back at some time."""
    rows = db.execute(
        "SELECT DISTINCT task.id FROM decision JOIN sentence ON sentence.id = sentence_id"
        " JOIN annotation ON annotation.id = annotation_id JOIN task ON task.id = task_id"
        " WHERE project_id = ? AND after = ?",
        (project, SENT_BACK),
    )
    return {row["id"] for row in rows}


def annotators_of_tasks(db: sqlite3.Connection, project: int) -> Counter[int]:
    """Return how many annotators have an annotation of each task of a project on the server."""
    rows = db.execute(
        "SELECT task_id, count(DISTINCT annotation.annotator_id)"
        " FROM live_annotation AS annotation JOIN task ON task.id = task_id"
        " WHERE project_id = ? GROUP BY task_id",
        (project,),
    )
    return Counter(dict(rows.fetchall()))


def open_images_of_owner(db: sqlite3.Connection, project: int) -> set[int]:
    """Return the images that the owner of a personal project is still to caption, as rows.

    In a pilot, these are the images of all tasks without a text by the owner.
    """
    rows = db.execute(
        "SELECT image_id FROM open_assignment AS assignment"
        " JOIN project ON project.annotator_id = assignment.annotator_id"
        " WHERE project.id = :project AND kind = 'main'"
        " UNION SELECT image_id FROM task JOIN project ON project.id = project_id"
        " WHERE project.id = :project AND kind = 'pilot' AND NOT EXISTS ("
        "  SELECT 1 FROM live_annotation AS annotation WHERE task_id = task.id"
        "  AND annotation.annotator_id = project.annotator_id)",
        {"project": project},
    )
    return {row["image_id"] for row in rows}


def tasks_of_removed(db: sqlite3.Connection, project: int) -> list[Task]:
    """Return the tasks of a project that are on the server and whose image was removed."""
    removed = {row["image_id"] for row in db.execute("SELECT image_id FROM removed_image")}
    return [task for task in known_tasks(db, project).values() if task.image in removed]


def reassigned_tasks(db: sqlite3.Connection, project: int) -> list[int]:
    """Return the tasks of a personal project whose image is assigned to others now.

    Tasks with an annotation on the server are left out.
    """
    rows = db.execute(
        "SELECT task.id FROM main_task AS task"
        " WHERE project_id = ? AND owner_id IS NOT NULL"
        " AND image_id NOT IN (SELECT image_id FROM removed_image)"
        " AND NOT EXISTS (SELECT 1 FROM assignment WHERE image_id = task.image_id"
        "  AND annotator_id = task.owner_id)"
        " AND NOT EXISTS (SELECT 1 FROM annotation WHERE task_id = task.id"
        "  AND deleted_at IS NULL)",
        (project,),
    )
    return [row["id"] for row in rows]


def first_tasks_on(db: sqlite3.Connection, server: str) -> dict[str, TaskNumber]:
    """Return the first task of each image on a server, by file name.

    Args:
        db: The workspace's database.
        server: Key of the server. The same number on another server is another task.
    """
    rows = db.execute(
        "SELECT image.filename, min(task.id), task.server_id AS task, project.server_id AS"
        " project FROM task JOIN image ON image.id = task.image_id"
        " JOIN project ON project.id = task.project_id"
        " WHERE project.server = ? AND task.server_id > 0 GROUP BY image.id",
        (server,),
    )
    return {row["filename"]: TaskNumber(row["project"], row["task"]) for row in rows}


def tasks_captioned_before(db: sqlite3.Connection, project: int) -> list[int]:
    """Return the tasks whose image their owner has captioned in a closed project.

    An annotator can submit in a closed project when the open one has the image already. Tasks
    with an annotation on the server are left out.
    """
    rows = db.execute(
        "SELECT task.id FROM main_task AS task"
        " WHERE project_id = ? AND owner_id IS NOT NULL AND closed_at IS NULL"
        " AND EXISTS (SELECT 1 FROM finished_annotation AS done"
        "  WHERE done.image_id = task.image_id AND done.annotator_id = task.owner_id"
        "  AND done.closed_at IS NOT NULL)"
        " AND NOT EXISTS (SELECT 1 FROM annotation WHERE task_id = task.id"
        "  AND deleted_at IS NULL)",
        (project,),
    )
    return [row["id"] for row in rows]

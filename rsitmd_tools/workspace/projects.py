"""The projects that a campaign has on Label Studio servers: the table ``project``.

The functions that change something must be called inside a transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from rsitmd_tools.workspace.store import utc_now

MAIN = "main"
PILOT = "pilot"

_COLUMNS = "id, server_id, annotator_id, config, template, created_at, kind, closed_at, pilot_id"


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """A project as the workspace knows it.

    Attributes:
        row: Row in the table ``project``.
        number: Number of the project on the server; negative if the server gave it to another
            project.
        owner: Row of the annotator whose project it is; None for the shared project.
        config: SHA-256 of the labeling configuration that was sent last.
        template: Name of the included labeling page that this page is or works like.
        created_at: When the server created the project. The time tells it from a later
            project with the same number.
        kind: :data:`MAIN` or :data:`PILOT`.
        closed_at: When the project was closed; None for an open project.
        pilot: Number of the pilot that the project belongs to, or None.
    """

    row: int
    number: int
    owner: int | None
    config: str
    template: str
    created_at: str
    kind: str
    closed_at: str | None
    pilot: int | None


@dataclass(frozen=True, slots=True)
class ServerProject:
    """What the workspace stores of a project on the server.

    Attributes:
        server: Key of the server.
        number: Number of the project on the server.
        template: Name of the included labeling page that its page is or works like.
        config: SHA-256 of the labeling configuration that the server has.
        created_at: When the server created the project.
    """

    server: str
    number: int
    template: str
    config: str
    created_at: str


def projects_of(db: sqlite3.Connection, server: str) -> list[ProjectRecord]:
    """Return the projects of a server in the order in which they were added."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM project WHERE server = ? ORDER BY id", (server,))
    return [ProjectRecord(*row) for row in rows]


def open_projects(db: sqlite3.Connection, server: str) -> list[ProjectRecord]:
    """Return the open projects on a server, oldest first."""
    return [project for project in projects_of(db, server) if project.closed_at is None]


def open_main_projects(db: sqlite3.Connection) -> list[ProjectRecord]:
    """Return the open projects of the campaign on all servers, without pilots, oldest first."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM project WHERE kind = ? AND closed_at IS NULL ORDER BY id", (MAIN,)
    )
    return [ProjectRecord(*row) for row in rows]


def last_server(db: sqlite3.Connection, prefix: str) -> str | None:
    """Return the key of the server with the newest project; None if nothing was pushed.

    Args:
        db: The workspace's database.
        prefix: Only consider servers whose key starts with this prefix.
    """
    row = db.execute(
        "SELECT server FROM project WHERE server LIKE ? ORDER BY id DESC LIMIT 1", (f"{prefix}%",)
    ).fetchone()
    return None if row is None else str(row["server"])


def project_record(db: sqlite3.Connection, project: int) -> ProjectRecord:
    """Return a project by row."""
    row = db.execute(f"SELECT {_COLUMNS} FROM project WHERE id = ?", (project,)).fetchone()
    return ProjectRecord(*row)


def find_open_project(
    db: sqlite3.Connection, server: str, owner: int | None, kind: str
) -> ProjectRecord | None:
    """Return the open project of an annotator on a server, or None.

    Args:
        db: The workspace's database.
        server: Key of the server.
        owner: Row of the annotator; None for the shared project.
        kind: :data:`MAIN` or :data:`PILOT`.
    """
    row = db.execute(
        f"SELECT {_COLUMNS} FROM project WHERE server = ? AND annotator_id IS ? AND kind = ?"
        " AND closed_at IS NULL",
        (server, owner, kind),
    ).fetchone()
    return None if row is None else ProjectRecord(*row)


def find_project_by_creation(
    db: sqlite3.Connection, number: int, created_at: str
) -> ProjectRecord | None:
    """Return the project with a number and a time of creation, on any server, or None."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM project WHERE server_id = ? AND created_at = ?",
        (number, created_at),
    ).fetchone()
    return None if row is None else ProjectRecord(*row)


def move_projects(db: sqlite3.Connection, server: str, there: Collection[tuple[int, str]]) -> None:
    """Store that projects are on a server that had another key before, as after a new address.

    Args:
        db: The workspace's database.
        server: Key of the server.
        there: Number and time of creation of each project on the server.
    """
    rows = db.execute(
        "SELECT id, server_id, created_at FROM project WHERE server <> ? ORDER BY id", (server,)
    ).fetchall()
    for row, number, created_at in rows:
        if (number, created_at) in there:
            _free_number(db, server, number, row)
            db.execute("UPDATE project SET server = ? WHERE id = ?", (server, row))


def _free_number(db: sqlite3.Connection, server: str, number: int, row: int | None = None) -> None:
    """Give the project that had a number before a negative one, because it is gone.

    A server that was restored from an earlier state gives the numbers again.

    Args:
        db: The workspace's database.
        server: Key of the server.
        number: The number.
        row: The project that has it now; None for a new one.
    """
    db.execute(
        "UPDATE project SET server_id = -id WHERE server = ? AND server_id = ? AND id IS NOT ?",
        (server, number, row),
    )


def add_project(
    db: sqlite3.Connection,
    project: ServerProject,
    owner: int | None,
    kind: str,
    pilot: int | None,
) -> int:
    """Add a project; return its row.

    Args:
        db: The workspace's database.
        project: The project on the server.
        owner: Row of the annotator whose project it is; None for the shared project.
        kind: :data:`MAIN` or :data:`PILOT`.
        pilot: Number of the pilot that it belongs to, or None.
    """
    _free_number(db, project.server, project.number)
    cursor = db.execute(
        "INSERT INTO project (server, server_id, template, config, created_at, annotator_id,"
        " kind, pilot_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            project.server,
            project.number,
            project.template,
            project.config,
            project.created_at,
            owner,
            kind,
            pilot,
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def update_project(db: sqlite3.Connection, row: int, project: ServerProject) -> None:
    """Store what the server has of a project now."""
    _free_number(db, project.server, project.number, row)
    db.execute(
        "UPDATE project SET server = ?, server_id = ?, template = ?, config = ?, created_at = ?"
        " WHERE id = ?",
        (
            project.server,
            project.number,
            project.template,
            project.config,
            project.created_at,
            row,
        ),
    )


def set_project_page(db: sqlite3.Connection, project: int, config: str, template: str) -> None:
    """Store the labeling page that was sent to a project.

    Args:
        db: The workspace's database.
        project: Row of the project.
        config: SHA-256 of the labeling configuration.
        template: Name of the included page that it is or works like.
    """
    db.execute(
        "UPDATE project SET config = ?, template = ? WHERE id = ?", (config, template, project)
    )


def mark_project_closed(db: sqlite3.Connection, project: int) -> None:
    """Mark a project as closed and remove its tasks without annotations and skips."""
    db.execute("UPDATE project SET closed_at = ? WHERE id = ?", (utc_now(), project))
    db.execute(
        "DELETE FROM task WHERE project_id = ?"
        " AND id NOT IN (SELECT task_id FROM annotation)"
        " AND id NOT IN (SELECT task_id FROM skip)",
        (project,),
    )


def has_personal_project(db: sqlite3.Connection) -> bool:
    """Return whether any annotator has a project of their own."""
    row = db.execute("SELECT 1 FROM project WHERE annotator_id IS NOT NULL LIMIT 1").fetchone()
    return row is not None


def has_annotation(db: sqlite3.Connection, project: int) -> bool:
    """Return whether the workspace has an annotation of a project."""
    row = db.execute(
        "SELECT 1 FROM annotation JOIN task ON task.id = task_id WHERE project_id = ? LIMIT 1",
        (project,),
    ).fetchone()
    return row is not None


def pull_cursor(project: int) -> str:
    """Return the key of the fact that stores up to which time a project (row) was pulled."""
    return f"pull.{project}"


def unmatched(project: int) -> str:
    """Return the key of the fact that stores how many more annotations the server has.

    It is the difference that the last comparison left: annotations of a project (row) on the
    server that the workspace does not store, such as copies.
    """
    return f"unmatched.{project}"


def forget_pull_cursor(db: sqlite3.Connection, project: int) -> None:
    """Let the next pull read all tasks of a project (row)."""
    db.execute("DELETE FROM fact WHERE key = ?", (pull_cursor(project),))

"""The annotators of a campaign: the table ``annotator``.

The functions that change something and have the parameter ``db`` must be called inside a
transaction.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from rsitmd_tools.errors import RsitmdError, command_line
from rsitmd_tools.workspace.assignments import free_open_images, open_counts
from rsitmd_tools.workspace.store import Workspace, utc_now

# Value of ``annotator.left_reason`` if the annotator left without a decision of the lead.
ACCOUNT_REMOVED = "account removed on the server"


@dataclass(frozen=True, slots=True)
class Person:
    """An active annotator.

    Attributes:
        row: Row in table ``annotator``.
        email: Address of the account on the server.
        name: Display name; may be empty.
        pilot: ``admitted``, ``refused``, or None before the lead's decision.
        pilot_by: Who made that decision; None before it.
    """

    row: int
    email: str
    name: str
    pilot: str | None
    pilot_by: str | None = None

    @property
    def shown(self) -> str:
        """The name, or the part of the address before the @."""
        return self.name or self.email.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Member:
    """An annotator who is or was active, with the amount of work done and open.

    Attributes:
        email: Address of the account on the server.
        name: Display name; may be empty.
        active: Whether the annotator takes part now.
        left_reason: :data:`ACCOUNT_REMOVED`, or empty.
        account: Whether the annotator has signed up on the server.
        pilot: ``admitted``, ``refused``, or None before the lead's decision.
        written: Number of current annotations in the main projects.
        open: Number of assigned images without an annotation.
    """

    email: str
    name: str
    active: bool
    left_reason: str
    account: bool
    pilot: str | None
    written: int
    open: int


def taking_part(workspace: Workspace) -> list[Person]:
    """Return the active annotators, in the order in which they became known."""
    rows = workspace.db.execute(
        "SELECT id, email, name, pilot, pilot_by FROM annotator"
        " WHERE joined_at IS NOT NULL AND left_at IS NULL ORDER BY id"
    )
    return [
        Person(row["id"], row["email"], row["name"], row["pilot"], row["pilot_by"]) for row in rows
    ]


def members(workspace: Workspace) -> list[Member]:
    """Return all annotators who are or were active, in the order in which they became known."""
    rows = workspace.db.execute(
        "SELECT annotator.*, EXISTS (SELECT 1 FROM account WHERE annotator_id = annotator.id)"
        " AS account, (SELECT count(*) FROM current_annotation AS annotation"
        "  JOIN main_task ON main_task.id = task_id"
        "  WHERE annotation.annotator_id = annotator.id AND whole)"
        " AS written FROM annotator WHERE joined_at IS NOT NULL ORDER BY annotator.id"
    ).fetchall()
    remaining = open_counts(workspace.db)
    return [
        Member(
            email=row["email"],
            name=row["name"],
            active=row["left_at"] is None,
            left_reason="" if row["left_at"] is None else row["left_reason"],
            account=bool(row["account"]),
            pilot=row["pilot"],
            written=row["written"],
            open=remaining[row["id"]],
        )
        for row in rows
    ]


def has_left(workspace: Workspace, email: str) -> bool:
    """Return whether the annotator with an address was active and has left."""
    row = annotator_row(workspace.db, email)
    left = "SELECT 1 FROM annotator WHERE id = ? AND left_at IS NOT NULL"
    return row is not None and workspace.db.execute(left, (row,)).fetchone() is not None


def known_addresses(workspace: Workspace) -> list[str]:
    """Return the address of every annotator, active or not, the longest first."""
    rows = workspace.db.execute("SELECT email FROM annotator ORDER BY length(email) DESC")
    return [row["email"] for row in rows]


def annotator_row(db: sqlite3.Connection, email: str) -> int | None:
    """Return the row of the annotator with an address, or None.

    Upper and lower case do not count, because the server stores addresses in lower case.
    """
    row = db.execute(
        "SELECT id FROM annotator WHERE email = ? COLLATE NOCASE ORDER BY email = ? DESC, id",
        (email, email),
    ).fetchone()
    return None if row is None else int(row["id"])


def annotator_email(db: sqlite3.Connection, annotator: int) -> str:
    """Return the address of an annotator."""
    row = db.execute("SELECT email FROM annotator WHERE id = ?", (annotator,)).fetchone()
    return str(row["email"])


def annotator_emails(db: sqlite3.Connection) -> dict[int, str]:
    """Return the addresses of all annotators by row."""
    return dict(db.execute("SELECT id, email FROM annotator").fetchall())


def active_authors(db: sqlite3.Connection) -> set[int]:
    """Return the annotators who have annotated or skipped an image and have not left."""
    rows = db.execute(
        "SELECT id FROM annotator WHERE left_at IS NULL AND (id IN (SELECT annotator_id FROM skip)"
        " OR id IN (SELECT annotator_id FROM annotation))"
    )
    return {row["id"] for row in rows}


def removed_with_open_project(db: sqlite3.Connection, server: str) -> list[str]:
    """Return the addresses of annotators whose account was removed and whose project is open."""
    rows = db.execute(
        "SELECT email FROM annotator WHERE left_at IS NOT NULL AND left_reason = ?"
        " AND EXISTS (SELECT 1 FROM project WHERE annotator_id = annotator.id AND server = ?"
        "  AND closed_at IS NULL) ORDER BY id",
        (ACCOUNT_REMOVED, server),
    )
    return [row["email"] for row in rows]


def add_annotator(db: sqlite3.Connection, email: str, name: str) -> int:
    """Add an annotator, or set the name of the one with this address; return the row."""
    known = annotator_row(db, email)
    if known is None:
        added = db.execute("INSERT INTO annotator (email, name) VALUES (?, ?)", (email, name))
        return int(added.lastrowid or 0)
    update_annotator(db, known, email, name)
    return known


def update_annotator(db: sqlite3.Connection, annotator: int, email: str, name: str) -> None:
    """Set the address and the name of an annotator.

    Nothing changes if another annotator has the address.
    """
    db.execute(
        "UPDATE OR IGNORE annotator SET email = ?, name = ? WHERE id = ?", (email, name, annotator)
    )


def mark_joined(db: sqlite3.Connection, annotator: int) -> None:
    """Record that an annotator takes part, unless they took part before."""
    db.execute(
        "UPDATE annotator SET joined_at = ? WHERE id = ? AND joined_at IS NULL",
        (utc_now(), annotator),
    )


def mark_account_restored(db: sqlite3.Connection, annotator: int) -> None:
    """Let an annotator take part again if they had left because their account was removed."""
    db.execute(
        "UPDATE annotator SET left_at = NULL, left_reason = '' WHERE id = ? AND left_reason = ?",
        (annotator, ACCOUNT_REMOVED),
    )


def join(workspace: Workspace, email: str) -> bool:
    """Add an annotator to the campaign; an account on the server is not needed yet.

    Returns:
        False if the annotator was active already.
    """
    with workspace.transaction() as db:
        row = annotator_row(db, email)
        if row is None:
            row = db.execute("INSERT INTO annotator (email) VALUES (?)", (email,)).lastrowid
        changed = db.execute(
            "UPDATE annotator SET joined_at = coalesce(joined_at, ?), left_at = NULL,"
            " left_reason = '' WHERE id = ? AND (joined_at IS NULL OR left_at IS NOT NULL)",
            (utc_now(), row),
        )
        return changed.rowcount == 1


def leave(workspace: Workspace, email: str) -> int:
    """Remove an annotator from the campaign and free their open images.

    Their annotations stay, and are pulled as long as the server has them.

    Returns:
        The number of images that were freed.

    Raises:
        RsitmdError: No active annotator has this address.
    """
    with workspace.transaction() as db:
        person = person_of(workspace, email)
        return mark_left(db, person.row)


def mark_left(db: sqlite3.Connection, person: int, reason: str = "") -> int:
    """Mark an annotator as inactive and free their open images.

    Args:
        db: The workspace's database.
        person: Row in table ``annotator``.
        reason: :data:`ACCOUNT_REMOVED`, or empty for a decision of the lead.

    Returns:
        The number of images that were freed.
    """
    db.execute(
        "UPDATE annotator SET left_at = ?, left_reason = ? WHERE id = ?",
        (utc_now(), reason, person),
    )
    return free_open_images(db, person)


def person_of(workspace: Workspace, email: str) -> Person:
    """Return the active annotator with an address; upper and lower case do not count.

    Raises:
        RsitmdError: No active annotator has this address.
    """
    active = taking_part(workspace)
    row = annotator_row(workspace.db, email)
    found = next((p for p in active if p.row == row), None)
    if found is None:
        addresses = ", ".join(p.email for p in active)
        raise RsitmdError(
            "is not an active annotator of this campaign",
            where=email,
            hint=f"use one of: {addresses}"
            if active
            else "to add annotators, run: "
            + command_line("annotate", "users", workspace.path, "add", "EMAIL"),
        )
    return found

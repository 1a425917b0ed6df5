"""Who takes part in the campaign: the table ``annotator``."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.workspace.store import Workspace, utc_now

# What was given out and is not written yet, by this person and for this image.
OPEN = (
    "SELECT assignment.* FROM assignment WHERE NOT EXISTS ("
    " SELECT 1 FROM current_annotation AS annotation"
    " JOIN task ON task.id = annotation.task_id"
    " JOIN project ON project.id = task.project_id"
    " WHERE task.image_id = assignment.image_id AND project.kind = 'main'"
    " AND annotation.annotator_id = assignment.annotator_id AND annotation.whole)"
)

# Why somebody left (``annotator.left_reason``), where the lead did not decide it.
ACCOUNT_REMOVED = "account removed on the server"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who takes part.

    Attributes:
        row: Row in table ``annotator``.
        email: Their address, as the server has it.
        name: Their name, or nothing.
        pilot: ``admitted``, ``refused``, or None before the lead's decision.
    """

    row: int
    email: str
    name: str
    pilot: str | None

    @property
    def shown(self) -> str:
        """The name, or what stands before the address's @."""
        return self.name or self.email.partition("@")[0]


def taking_part(workspace: Workspace) -> list[Person]:
    """Return the people who take part now, in the order in which they became known."""
    rows = workspace.db.execute(
        "SELECT id, email, name, pilot FROM annotator"
        " WHERE joined_at IS NOT NULL AND left_at IS NULL ORDER BY id"
    )
    return [Person(row["id"], row["email"], row["name"], row["pilot"]) for row in rows]


def join(workspace: Workspace, email: str) -> bool:
    """Let somebody take part; they need no account yet. Return False where they do already."""
    with workspace.transaction() as db:
        db.execute("INSERT OR IGNORE INTO annotator (email) VALUES (?)", (email,))
        changed = db.execute(
            "UPDATE annotator SET joined_at = coalesce(joined_at, ?), left_at = NULL,"
            " left_reason = '' WHERE email = ? AND (joined_at IS NULL OR left_at IS NOT NULL)",
            (utc_now(), email),
        )
        return changed.rowcount == 1


def leave(workspace: Workspace, email: str) -> int:
    """Let somebody leave: what they have not captioned yet is given to others.

    What they wrote stays, and is pulled as long as the server has it.

    Returns:
        How many images of theirs are free again.

    Raises:
        RsitmdError: Nobody of that address takes part.
    """
    with workspace.transaction() as db:
        person = person_of(workspace, email)
        return mark_left(db, person.row)


def mark_left(db: sqlite3.Connection, person: int, reason: str = "") -> int:
    """Mark a person as left and free their images; call it inside a transaction."""
    db.execute(
        "UPDATE annotator SET left_at = ?, left_reason = ? WHERE id = ?",
        (utc_now(), reason, person),
    )
    freed = db.execute(
        "DELETE FROM assignment WHERE annotator_id = ? AND image_id NOT IN ("
        " SELECT task.image_id FROM annotation JOIN task ON task.id = annotation.task_id"
        " WHERE annotation.annotator_id = ? AND latest AND deleted_at IS NULL)",
        (person, person),
    )
    return freed.rowcount


def person_of(workspace: Workspace, email: str) -> Person:
    """Return who takes part under an address.

    Raises:
        RsitmdError: Nobody does.
    """
    found = next((p for p in taking_part(workspace) if p.email == email), None)
    if found is None:
        known = ", ".join(p.email for p in taking_part(workspace)) or "nobody yet"
        raise RsitmdError(
            "takes no part in this campaign", where=email, hint=f"who takes part: {known}"
        )
    return found

"""Server accounts and the annotators that they belong to.

The functions that change something must be called inside a transaction.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from rsitmd_tools.workspace.people import ACCOUNT_REMOVED, annotator_row
from rsitmd_tools.workspace.store import utc_now


class AccountOwner(NamedTuple):
    """An account and its annotator.

    Attributes:
        number: Number of the account on the server.
        annotator: Row of the annotator.
    """

    number: int
    annotator: int


def annotator_of_account(
    db: sqlite3.Connection, server: str, number: int, joined: str | None = None
) -> int | None:
    """Return the row of the annotator who has an account, or None.

    Args:
        db: The workspace's database.
        server: Key of the server.
        number: Number of the account on the server.
        joined: When the server created the account. An account that is known with another
            time does not match. None matches every account with this number.
    """
    row = db.execute(
        "SELECT annotator_id FROM account WHERE server = ? AND number = ?"
        " AND (? IS NULL OR joined IS NULL OR joined = ?)",
        (server, number, joined, joined),
    ).fetchone()
    return None if row is None else int(row[0])


def account_owners(db: sqlite3.Connection, server: str) -> list[AccountOwner]:
    """Return the known accounts of a server with their annotators."""
    rows = db.execute("SELECT number, annotator_id FROM account WHERE server = ?", (server,))
    return [AccountOwner(*row) for row in rows]


def add_account(
    db: sqlite3.Connection, server: str, number: int, annotator: int, joined: str
) -> None:
    """Record whose account this is; an account with the same number is replaced."""
    db.execute(
        "INSERT OR REPLACE INTO account (server, number, annotator_id, joined) VALUES (?, ?, ?, ?)",
        (server, number, annotator, joined),
    )


def set_account_joined(db: sqlite3.Connection, server: str, number: int, joined: str) -> None:
    """Record when the server created an account."""
    db.execute(
        "UPDATE account SET joined = ? WHERE server = ? AND number = ?", (joined, server, number)
    )


def forget_accounts(db: sqlite3.Connection, server: str) -> None:
    """Remove all accounts of a server; the annotators stay."""
    db.execute("DELETE FROM account WHERE server = ?", (server,))


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


def removed_with_open_project(db: sqlite3.Connection, server: str) -> list[str]:
    """Return the addresses of annotators whose account was removed and whose project is open."""
    rows = db.execute(
        "SELECT email FROM annotator WHERE left_at IS NOT NULL AND left_reason = ?"
        " AND EXISTS (SELECT 1 FROM project WHERE annotator_id = annotator.id AND server = ?"
        "  AND closed_at IS NULL) ORDER BY id",
        (ACCOUNT_REMOVED, server),
    )
    return [row["email"] for row in rows]


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

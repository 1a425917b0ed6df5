"""Server accounts and the annotators that they belong to: the table ``account``.

The functions that change something must be called inside a transaction.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


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

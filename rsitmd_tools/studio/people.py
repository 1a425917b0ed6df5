"""Who takes part: accounts of a server as rows of table ``annotator``."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.client import Account, Client
from rsitmd_tools.studio.secrets import EMBEDDED
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.store import utc_now

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
        return _leave(db, person.row)


def _leave(db: sqlite3.Connection, person: int, reason: str = "") -> int:
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
            "takes no part in this campaign", where=email, mend=f"who takes part: {known}"
        )
    return found


def lock_out(workspace: Workspace, client: Client, email: str) -> None:
    """Shut a person's account out of the server; what they wrote stays there.

    Raises:
        RsitmdError: Nobody of that address takes part, they have no account, or the server
            refuses.
    """
    person_of(workspace, email)
    people = People(workspace, client)
    number = people.number(email)
    if email in people.removed():
        raise RsitmdError(
            "was removed on the server already",
            where=email,
            mend="give their images to others: rsitmd annotate push DIR",
        )
    if number is None:
        raise RsitmdError("has no account on the server", where=email, mend="deactivate it")
    own = client.call(client.sdk.users.whoami)
    client.call(client.sdk.organizations.members.delete, id=own.active_organization, user_pk=number)


def overview(workspace: Workspace) -> list[dict[str, Any]]:
    """Return who takes or took part: address, name, and what they have to do and wrote.

    Keys: ``email``, ``name``, ``active``, ``left_reason`` (empty, or :data:`ACCOUNT_REMOVED`),
    ``account`` (whether they signed up), ``pilot``, ``written`` (annotations that count),
    ``open`` (images given to them and not written).
    """
    rows = workspace.db.execute(
        "SELECT annotator.*, EXISTS (SELECT 1 FROM account WHERE annotator_id = annotator.id)"
        " AS account, (SELECT count(*) FROM current_annotation AS annotation"
        "  JOIN task ON task.id = task_id"
        "  JOIN project ON project.id = project_id AND kind = 'main'"
        "  WHERE annotation.annotator_id = annotator.id AND whole)"
        " AS written FROM annotator WHERE joined_at IS NOT NULL ORDER BY annotator.id"
    )
    todo = dict(workspace.db.execute(f"SELECT annotator_id, count(*) FROM ({OPEN}) GROUP BY 1"))
    return [
        {
            "email": row["email"],
            "name": row["name"],
            "active": row["left_at"] is None,
            "left_reason": "" if row["left_at"] is None else row["left_reason"],
            "account": bool(row["account"]),
            "pilot": row["pilot"],
            "written": row["written"],
            "open": todo.get(row["id"], 0),
        }
        for row in rows
    ]


def connected_fact(server: str) -> str:
    """Return the key of the fact that says since when a server is used."""
    return f"connected.{server}"


class People:
    """The server's accounts as rows of table ``annotator``, ordered as they signed up.

    Whoever signs up on the workspace's own server takes part by that; on a server that
    others use too, whoever signed up since it was connected. Whoever takes part and has no
    account on the server any more is marked as left, with :data:`ACCOUNT_REMOVED` as the
    reason; they take part again when an account of their address is back.
    """

    def __init__(self, workspace: Workspace, client: Client) -> None:
        self._workspace = workspace
        self._client = client
        self._rows: dict[int, int] = {}
        self._gone: list[str] = []
        self._lead = client.own_number()
        self._look()

    def row(self, user: Any) -> int:
        """Return the row of an account given by number or as an object."""
        number = int(user["id"] if isinstance(user, dict) else user or 0)
        if number not in self._rows:
            self._look()  # signed up since this began?
        if number not in self._rows:
            # Removed from the server since: their annotations stay.
            known = self._known(number)
            self._rows[number] = (
                self._insert(f"user-{number}@removed.invalid", "") if known is None else known
            )
        return self._rows[number]

    def number(self, email: str) -> int | None:
        """Return the number of an address's account; None where it has none."""
        accounts = self._client.users()
        return next((n for n, account in accounts.items() if account.email == email), None)

    def _look(self) -> None:
        accounts = self._client.users()
        if self._workspace.db.in_transaction:  # in the middle of a pull's page
            self._store(accounts)
        else:
            with self._workspace.transaction():
                self._store(accounts)

    def removed(self) -> list[str]:
        """Return who left because their account was removed, until a push has dealt with it.

        That is done when their project is closed. Where they have none, they are named in
        the run that notices it.
        """
        rows = self._workspace.db.execute(
            "SELECT id, email FROM annotator WHERE left_at IS NOT NULL AND left_reason = ?"
            " AND EXISTS (SELECT 1 FROM project WHERE annotator_id = annotator.id AND server = ?"
            "  AND closed_at IS NULL) ORDER BY id",
            (ACCOUNT_REMOVED, self._client.connection.key),
        ).fetchall()
        return list(dict.fromkeys([*(row["email"] for row in rows), *self._gone]))

    def _store(self, accounts: Mapping[int, Account]) -> None:
        db = self._workspace.db
        key = self._client.connection.key
        whole = self._lead in accounts  # else the list is not what we asked for
        if whole and not self._is_known_server(accounts):
            db.execute("DELETE FROM account WHERE server = ?", (key,))
        since = "" if key.startswith(EMBEDDED) else self._workspace.fact(connected_fact(key))
        for number in sorted(accounts):
            account = accounts[number]
            row = self._known(number, account.joined)
            if row is None:
                row = self._insert(account.email, account.name)
                db.execute(
                    "INSERT OR REPLACE INTO account (server, number, annotator_id, joined)"
                    " VALUES (?, ?, ?, ?)",
                    (key, number, row, account.joined),
                )
            else:
                # An address that another row has already stays with that row.
                db.execute(
                    "UPDATE OR IGNORE annotator SET email = ?, name = ? WHERE id = ?",
                    (account.email, account.name, row),
                )
                db.execute(
                    "UPDATE account SET joined = ? WHERE server = ? AND number = ?",
                    (account.joined, key, number),
                )
            self._rows[number] = row
            if number != self._lead and since is not None and account.joined > since:
                db.execute(
                    "UPDATE annotator SET joined_at = ? WHERE id = ? AND joined_at IS NULL",
                    (utc_now(), row),
                )
            db.execute(
                "UPDATE annotator SET left_at = NULL, left_reason = ''"
                " WHERE id = ? AND left_reason = ?",
                (row, ACCOUNT_REMOVED),
            )
        if whole:
            self._mark_removed(accounts)

    def _is_known_server(self, accounts: Mapping[int, Account]) -> bool:
        """Say whether this list is of the database whose accounts the workspace knows.

        A server that was installed anew under the same address lacks everybody: that is no
        removal. Its accounts were made at other times, whatever their numbers.
        """
        return any(self._known(n, account.joined) is not None for n, account in accounts.items())

    def _mark_removed(self, accounts: Mapping[int, Account]) -> None:
        """Mark those who take part and whose accounts here are all gone."""
        here: dict[int, bool] = {}
        for row in self._workspace.db.execute(
            "SELECT number, annotator_id FROM account WHERE server = ?",
            (self._client.connection.key,),
        ):
            person = row["annotator_id"]
            here[person] = here.get(person, False) or row["number"] in accounts
        for person in taking_part(self._workspace):
            if here.get(person.row, True):
                continue
            _leave(self._workspace.db, person.row, ACCOUNT_REMOVED)
            self._gone.append(person.email)

    def _known(self, number: int, joined: str | None = None) -> int | None:
        """Return the row of a number; with ``joined``, only of the account made at that time."""
        row = self._workspace.db.execute(
            "SELECT annotator_id FROM account WHERE server = ? AND number = ?"
            " AND (? IS NULL OR joined IS NULL OR joined = ?)",
            (self._client.connection.key, number, joined, joined),
        ).fetchone()
        return None if row is None else int(row[0])

    def _insert(self, email: str, name: str) -> int:
        db = self._workspace.db
        db.execute(
            "INSERT INTO annotator (email, name) VALUES (?, ?)"
            " ON CONFLICT (email) DO UPDATE SET name = excluded.name",
            (email, name),
        )
        row = db.execute("SELECT id FROM annotator WHERE email = ?", (email,)).fetchone()
        return int(row["id"])

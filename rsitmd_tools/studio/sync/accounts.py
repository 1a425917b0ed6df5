"""The accounts of a server as rows of the table ``annotator``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rsitmd_tools.studio.api.client import Account, Client
from rsitmd_tools.studio.api.secrets import EMBEDDED
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import ACCOUNT_REMOVED, mark_left, taking_part
from rsitmd_tools.workspace.store import utc_now


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
            mark_left(self._workspace.db, person.row, ACCOUNT_REMOVED)
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

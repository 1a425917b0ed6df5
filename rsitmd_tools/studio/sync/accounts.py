"""The accounts of a Label Studio server and the annotators that they belong to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from rsitmd_tools.studio.api.client import Account, Client
from rsitmd_tools.studio.api.secrets import EMBEDDED
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.accounts import (
    account_owners,
    add_account,
    annotator_of_account,
    forget_accounts,
    set_account_joined,
)
from rsitmd_tools.workspace.people import (
    ACCOUNT_REMOVED,
    add_annotator,
    mark_account_restored,
    mark_joined,
    mark_left,
    removed_with_open_project,
    taking_part,
    update_annotator,
)


def remember_connected(workspace: Workspace, client: Client) -> None:
    """Store when the newest account of a server was made, at its first connection.

    Accounts with a later time take part. This time is from the server, because its clock can
    differ from the clock of this computer. A server that was connected by another address before
    keeps its time: it still has the account that was the newest then.

    Args:
        workspace: The workspace, open to write.
        client: The server.
    """
    fact = _connected(client.connection.key)
    if workspace.fact(fact) is None:
        there = {account.joined for account in client.users().values()}
        before = there.intersection(workspace.facts(_connected("")).values())
        with workspace.transaction():
            workspace.set_fact(fact, min(before) if before else max(there, default=""))


def _connected(server: str) -> str:
    """Return the key of the fact that :func:`remember_connected` stores."""
    return f"connected.{server}"


class ServerAccounts:
    """The accounts of a server as rows of the table ``annotator``, in the order of sign-up.

    On the embedded server, everyone who signs up takes part. On a connected server, which
    others may use too, everyone takes part who signed up after it was connected. An annotator
    whose account does not exist on the server any more is marked as left, with the reason
    :data:`~rsitmd_tools.workspace.people.ACCOUNT_REMOVED`. They take part again when an
    account with their address exists again.
    """

    def __init__(self, workspace: Workspace, client: Client) -> None:
        self._workspace = workspace
        self._client = client
        self._server = client.connection.key
        self._rows: dict[int, int] = {}
        self._removed: list[str] = []
        self._lead = client.own_number()
        self._refresh()

    def row(self, user: Any) -> int:
        """Return the row of an account's annotator.

        Args:
            user: The account as the server sends it: a number or an object.
        """
        number = int(user["id"] if isinstance(user, dict) else user or 0)
        if number not in self._rows:
            self._refresh()  # The account may be newer than the last list.
        if number not in self._rows:
            # The account was removed from the server; its annotations remain.
            db = self._workspace.db
            known = annotator_of_account(db, self._server, number)
            self._rows[number] = (
                add_annotator(db, f"user-{number}@removed.invalid", "") if known is None else known
            )
        return self._rows[number]

    def number(self, email: str) -> int | None:
        """Return the number of the account with an address, or None."""
        accounts, wanted = self._client.users(), email.lower()
        return next((n for n, one in accounts.items() if one.email.lower() == wanted), None)

    def removed(self) -> list[str]:
        """Return the addresses of annotators whose account was removed from the server.

        An annotator is reported until a push has closed their project. An annotator without
        a project is reported only by the run that notices the removal.
        """
        waiting = removed_with_open_project(self._workspace.db, self._server)
        return list(dict.fromkeys([*waiting, *self._removed]))

    def _refresh(self) -> None:
        accounts = self._client.users()
        if self._workspace.db.in_transaction:  # while a pull stores a page
            self._store(accounts)
        else:
            with self._workspace.transaction():
                self._store(accounts)

    def _store(self, accounts: Mapping[int, Account]) -> None:
        db = self._workspace.db
        complete = self._lead in accounts  # a list without the lead cannot be complete
        if complete and not self._is_known_database(accounts):
            forget_accounts(db, self._server)
        embedded = self._server.startswith(EMBEDDED)
        since = "" if embedded else self._workspace.fact(_connected(self._server))
        replaced = set()  # their account is gone: another one has its number
        for number in sorted(accounts):
            account = accounts[number]
            row = annotator_of_account(db, self._server, number, account.joined)
            if row is None:
                before = annotator_of_account(db, self._server, number)
                replaced |= set() if before is None else {before}
                row = add_annotator(db, account.email, account.name)
                add_account(db, self._server, number, row, account.joined)
            else:
                update_annotator(db, row, account.email, account.name)
                set_account_joined(db, self._server, number, account.joined)
            self._rows[number] = row
            if number != self._lead and since is not None and account.joined > since:
                mark_joined(db, row)
            mark_account_restored(db, row)
        self._mark_removed(accounts, replaced, complete=complete)

    def _is_known_database(self, accounts: Mapping[int, Account]) -> bool:
        """Return whether at least one of the accounts is known to the workspace.

        A server that was installed again under the same address has none of the known
        accounts. That is not a removal of all of them. Its accounts have the same numbers,
        but were created at other times.
        """
        return any(
            annotator_of_account(self._workspace.db, self._server, number, account.joined)
            is not None
            for number, account in accounts.items()
        )

    def _mark_removed(
        self, accounts: Mapping[int, Account], replaced: Collection[int], *, complete: bool
    ) -> None:
        """Mark the annotators as left who take part and have no account any more.

        Args:
            accounts: The accounts on the server.
            replaced: Annotators (rows) who had an account whose number another one has now.
            complete: Whether these are all accounts.
        """
        owners = account_owners(self._workspace.db, self._server)
        present = {owner.annotator for owner in owners if owner.number in accounts}
        gone = {owner.annotator for owner in owners if complete} | set(replaced)
        for person in taking_part(self._workspace):
            if person.row not in gone - present:
                continue
            mark_left(self._workspace.db, person.row, ACCOUNT_REMOVED)
            self._removed.append(person.email)

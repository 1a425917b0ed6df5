"""The accounts of a server and their annotators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from rsitmd_tools.studio.api.client import Account, Client
from rsitmd_tools.studio.sync.accounts import ServerAccounts, remember_connected
from rsitmd_tools.studio.sync.assign import assign, wanting
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import ACCOUNT_REMOVED, members, taking_part
from tests.builders import add

LEAD = Account("lead@x.org", "", "2026-01-01")
ANNA = Account("anna@x.org", "", "2026-01-02")
CLARA = Account("clara@x.org", "", "2026-01-03")
DORA = Account("dora@x.org", "", "2026-01-04")


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace with three images."""
    with Workspace.create(tmp_path / "w") as made:
        with made.transaction() as db:
            for number in (1, 2, 3):
                add(db, "image", number=number)
        yield made


def client_of(accounts: Mapping[int, Account], key: str = "embedded-1") -> Client:
    server = SimpleNamespace(
        connection=SimpleNamespace(key=key),
        own_number=lambda: 1,
        users=lambda: dict(accounts),
    )
    return cast("Client", server)


def people(workspace: Workspace, accounts: Mapping[int, Account]) -> ServerAccounts:
    """Read the accounts of an embedded server, as every pull and push does."""
    return ServerAccounts(workspace, client_of(accounts))


def active(workspace: Workspace) -> list[str]:
    return [person.email for person in taking_part(workspace)]


def test_an_account_whose_number_was_given_away_is_a_removed_one(workspace: Workspace) -> None:
    """The server was restored, and the next one to sign up got the number of Clara's account."""
    people(workspace, {1: LEAD, 2: ANNA, 3: CLARA})
    assign(workspace, wanting(workspace))
    found = people(workspace, {1: LEAD, 2: ANNA, 3: DORA})
    assert found.removed() == ["clara@x.org"]
    assert active(workspace) == ["anna@x.org", "dora@x.org"]
    clara = next(one for one in members(workspace) if one.email == "clara@x.org")
    assert (clara.left_reason, clara.open) == (ACCOUNT_REMOVED, 0)
    assert assign(workspace, wanting(workspace)) == 3, "dora gets the images"
    # Clara signs up once more.
    assert people(workspace, {1: LEAD, 2: ANNA, 3: DORA, 4: CLARA}).removed() == []
    assert active(workspace) == ["anna@x.org", "clara@x.org", "dora@x.org"]


def test_who_signs_up_again_under_the_same_number_stays(workspace: Workspace) -> None:
    people(workspace, {1: LEAD, 2: ANNA, 3: CLARA})
    again = Account("clara@x.org", "", "2026-01-05")
    assert people(workspace, {1: LEAD, 2: ANNA, 3: again}).removed() == []
    assert active(workspace) == ["anna@x.org", "clara@x.org"]


def test_a_reinstalled_server_removes_nobody(workspace: Workspace) -> None:
    people(workspace, {1: LEAD, 2: ANNA})
    others = {
        1: Account("lead@x.org", "", "2026-02-01"),
        2: Account("emil@x.org", "", "2026-02-02"),
    }
    assert people(workspace, others).removed() == []
    assert active(workspace) == ["anna@x.org", "emil@x.org"]


@pytest.mark.parametrize("year", ["2015", "2099"])
def test_who_signs_up_after_a_server_was_connected_takes_part_whatever_its_clock_shows(
    workspace: Workspace, year: str
) -> None:
    def on(day: int, name: str) -> Account:
        return Account(f"{name}@x.org", "", f"{year}-01-{day:02}T00:00:00.000000+00:00")

    there = {1: on(1, "lead"), 2: on(2, "other team")}
    remember_connected(workspace, client_of(there, "https://label.example.org"))
    there[3] = on(3, "anna")
    for _ in range(2):  # the server is connected again
        ServerAccounts(workspace, client_of(there, "https://label.example.org"))
        remember_connected(workspace, client_of(there, "https://label.example.org"))
        there[4] = on(4, "berta")
    ServerAccounts(workspace, client_of(there, "https://label.example.org"))
    assert active(workspace) == ["anna@x.org", "berta@x.org"]


def test_who_signed_up_before_the_server_got_another_address_takes_part(
    workspace: Workspace,
) -> None:
    there = {1: LEAD, 2: ANNA}
    remember_connected(workspace, client_of(there, "http://label.example.org"))
    there[3] = CLARA
    remember_connected(workspace, client_of(there, "https://label.example.org"))
    ServerAccounts(workspace, client_of(there, "https://label.example.org"))
    assert active(workspace) == ["clara@x.org"]
    # Another server has other accounts.
    remember_connected(workspace, client_of({1: DORA}, "https://other.example.org"))
    assert workspace.fact("connected.https://other.example.org") == DORA.joined

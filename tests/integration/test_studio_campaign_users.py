"""Who takes part: add, sign up, deactivate, remove; on a server that others use too."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from rsitmd_tools.cli.annotate.connect import command as connect
from rsitmd_tools.demo.annotator import Annotator
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api import client as client_module
from rsitmd_tools.studio.api.accounts import invitation_link, sign_up_or_in
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import Connection
from rsitmd_tools.studio.campaign.people import lock_out
from rsitmd_tools.studio.sync.pull import pull
from rsitmd_tools.studio.sync.push import push
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.merge import merged_images
from rsitmd_tools.workspace.people import join, members, taking_part
from tests.builders import WHEN, add

if TYPE_CHECKING:
    from rsitmd_tools.studio.server.embedded import EmbeddedServer
    from tests.integration.conftest import MakeWorkspace, Tool
    from tests.integration.relay import Relay

pytestmark = pytest.mark.integration

PASSWORD = "a long password for tests"


def test_the_command_adds_lists_and_deactivates(make_workspace: MakeWorkspace, tool: Tool) -> None:
    folder = make_workspace(images=2)
    assert "no annotators yet" in tool.run("annotate", "users", folder).stdout
    added = tool.run("annotate", "users", folder, "add", "a@example.org", "b@example.org")
    assert added.returncode == 0, added.stderr
    assert "a@example.org: active, has not signed up yet, 0 written, 0 to do" in added.stdout
    assert tool.run("annotate", "push", folder).returncode == 0
    people = json.loads(tool.run("annotate", "users", folder, "--json").stdout)
    assert [(p["email"], p["active"], p["open"]) for p in people] == [
        ("a@example.org", True, 2),
        ("b@example.org", True, 2),
    ]
    left = tool.run("annotate", "users", folder, "deactivate", "a@example.org")
    assert "To assign 2 open images to others, run: rsitmd annotate push" in left.stderr
    assert "a@example.org: left" in left.stdout
    unknown = tool.run("annotate", "users", folder, "deactivate", "a@example.org")
    assert unknown.returncode == 1
    assert (
        "is not an active annotator of this campaign; use one of: b@example.org" in unknown.stderr
    )
    assert tool.run("annotate", "users", folder, "add", "no address").returncode == 2
    assert tool.run("annotate", "users", folder, "add").returncode == 2


def test_only_accounts_created_after_connect_take_part(
    make_workspace: MakeWorkspace,
    server: EmbeddedServer,
    client: Client,
    annotators: list[tuple[str, Annotator]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = make_workspace(images=1)
    token = folder / "token.txt"
    token.write_text(server.token, encoding="ascii")
    monkeypatch.setattr(client_module, "KNOWN_VERSIONS", ("0.1",))
    where = "https://images.example.org"
    done = CliRunner().invoke(
        connect,
        [str(folder), "--url", server.url, "--token-file", str(token), "--images", where],
    )
    assert done.exit_code == 0, done.output
    assert "was tested with Label Studio 0.1; the server runs 1." in done.output
    for name in ("newcomer1", "newcomer2"):
        sign_up_or_in(invitation_link(client), f"{name}@example.org", PASSWORD)
    with Workspace.open(folder, write=True) as workspace:
        report = push(workspace)
        assert [p["annotator"] for p in report.projects] == [
            "newcomer1@example.org",
            "newcomer2@example.org",
        ]
        assert annotators[0][0] not in {p.email for p in taking_part(workspace)}


def test_a_removed_annotator_loses_access_and_their_text_is_kept(
    make_workspace: MakeWorkspace, client: Client, tool: Tool
) -> None:
    email = "removed@example.org"
    person = Annotator(client.connection, sign_up_or_in(invitation_link(client), email, PASSWORD))
    folder = make_workspace(images=2, settings="[annotation]\nannotators_per_image = 1\n")
    added = tool.run("annotate", "users", folder, "add", email, "b@example.org")
    assert added.returncode == 0
    assert f"{email}: active, 0 written" in added.stdout  # it has an account already
    assert "b@example.org: active, has not signed up yet" in added.stdout
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        project, task = workspace.db.execute(
            "SELECT project.server_id, task.server_id FROM task JOIN project"
            " ON project.id = project_id JOIN annotator ON annotator.id = project.annotator_id"
            " WHERE email = ?",
            (email,),
        ).fetchone()
        person.submit(task, ["Two boats lie here."], ["white boat"])
    removed = tool.run("annotate", "users", folder, "remove", email)
    assert removed.returncode == 0, removed.stderr
    with pytest.raises(RsitmdError):
        person.done(project)
    with Workspace.open(folder, write=True) as workspace:
        pull(workspace)
        said = [(s.annotator, s.raw) for i in merged_images(workspace) for s in i.sentences]
    assert said == [(email, "Two boats lie here.")]
    again = tool.run("annotate", "users", folder, "remove", "b@example.org")
    assert again.returncode == 1
    assert tool.run("annotate", "users", folder, "deactivate", "b@example.org").returncode == 0
    again = tool.run("annotate", "users", folder, "remove", "b@example.org")
    assert again.returncode == 1
    assert "has no account on the server" in again.stderr


def test_a_token_of_an_annotator_does_not_remove_accounts(
    make_workspace: MakeWorkspace, client: Client
) -> None:
    email = "member@example.org"
    token = sign_up_or_in(invitation_link(client), email, PASSWORD)
    where = client.connection
    with Workspace.open(make_workspace(images=1), write=True) as workspace:
        join(workspace, email)
        member = Client(Connection(where.key, where.url, token))
        with pytest.raises(RsitmdError, match="does not allow removing accounts") as refused:
            lock_out(workspace, member, email)
        assert taking_part(workspace)
    assert "the token of an administrator" in str(refused.value)
    assert f"deactivate {email}" in str(refused.value)


def test_a_deactivated_annotator_can_be_locked_out(
    make_workspace: MakeWorkspace, client: Client, tool: Tool
) -> None:
    email = "deactivated@example.org"
    person = Annotator(client.connection, sign_up_or_in(invitation_link(client), email, PASSWORD))
    folder = make_workspace(images=1)
    assert tool.run("annotate", "users", folder, "add", email).returncode == 0
    assert tool.run("annotate", "push", folder).returncode == 0
    with Workspace.open(folder) as workspace:
        [project] = workspace.db.execute("SELECT server_id FROM project").fetchone()
    assert tool.run("annotate", "users", folder, "deactivate", email).returncode == 0
    assert person.done(project) == set()
    removed = tool.run("annotate", "users", folder, "remove", email)
    assert removed.returncode == 0, removed.stderr
    with pytest.raises(RsitmdError):
        person.done(project)


def delete_membership(client: Client, number: int) -> None:
    """Remove an account as the page's API does; the server keeps its number as "Deleted"."""
    organization = client.sdk.users.whoami().active_organization
    client.sdk.organizations.members.delete(id=organization, user_pk=number)


def delete_user(client: Client, number: int) -> None:
    """Remove an account whole; its annotations lose their author on the server."""
    client.sdk.users.delete(id=number)


@pytest.mark.parametrize("how", [delete_membership, delete_user])
def test_images_of_an_account_removed_on_the_server_are_reassigned(
    make_workspace: MakeWorkspace,
    client: Client,
    tool: Tool,
    how: Callable[[Client, int], None],
) -> None:
    gone, other = (f"{who}-{how.__name__}@example.org" for who in ("gone", "other"))
    link = invitation_link(client)
    person = Annotator(client.connection, sign_up_or_in(link, gone, PASSWORD))
    sign_up_or_in(link, other, PASSWORD)
    folder = make_workspace(images=4, settings="[annotation]\nannotators_per_image = 1\n")
    assert tool.run("annotate", "users", folder, "add", gone, other).returncode == 0
    with Workspace.open(folder, write=True) as workspace:
        push(workspace)
        task = workspace.db.execute(
            "SELECT task.server_id FROM task JOIN project ON project.id = project_id"
            " JOIN annotator ON annotator.id = project.annotator_id WHERE email = ?",
            (gone,),
        ).fetchone()[0]
        person.submit(task, ["Two boats lie here."], ["white boat"])
        pull(workspace)
        assert open_images(workspace) == {gone: 1, other: 2}
    how(client, person.user)

    pulled = tool.run("annotate", "pull", folder)
    assert f"{gone}: account removed on the server" in pulled.stderr
    listed = tool.run("annotate", "users", folder)
    assert f"{gone}: left (account removed on the server), 1 written, 0 to do" in listed.stdout
    assert f"{gone}: account removed on the server" in listed.stderr
    assert (
        f"{gone} (left: account removed on the server)"
        in tool.run("annotate", "status", folder).stdout
    )
    pushed = tool.run("annotate", "push", folder)
    assert (
        f"{gone}: account removed on the server; open images were assigned to other annotators"
        in pushed.stderr
    )
    with Workspace.open(folder, write=True) as workspace:
        assert open_images(workspace) == {other: 3}
        assert [p.email for p in taking_part(workspace)] == [other]
        said = [(s.annotator, s.raw) for i in merged_images(workspace) for s in i.sentences]
        assert said == [(gone, "Two boats lie here.")]
        assert push(workspace).removed == []  # dealt with

        if how is delete_user:  # the address is free again, and its owner may come back
            sign_up_or_in(invitation_link(client), gone, PASSWORD)
            push(workspace)
            assert [p.email for p in taking_part(workspace)] == [gone, other]


def test_a_failure_to_list_the_accounts_removes_nobody(
    make_workspace: MakeWorkspace, annotators: list[tuple[str, Annotator]], relay: Relay
) -> None:
    folder = make_workspace(images=2, url=relay.url)
    with Workspace.open(folder, write=True) as workspace:
        for email, _ in annotators[:2]:
            join(workspace, email)
        push(workspace)
        for answer in (404, 403, "cut"):
            relay.spoil = lambda method, path, count, answer=answer: (  # type: ignore[misc]
                answer if path.startswith("/api/users") else None
            )
            with pytest.raises(RsitmdError):
                push(workspace)
            with pytest.raises(RsitmdError):
                pull(workspace)
        assert len(taking_part(workspace)) == 2
        assert sum(open_images(workspace).values()) == 4


def test_a_reinstalled_server_at_the_same_url_removes_nobody(
    make_workspace: MakeWorkspace, annotators: list[tuple[str, Annotator]]
) -> None:
    """Its accounts have numbers that the workspace knows, and were made at other times."""
    with Workspace.open(make_workspace(images=2), write=True) as workspace:
        for email, _ in annotators[:2]:
            join(workspace, email)
        push(workspace)
        with workspace.transaction() as db:
            old = "old@example.org"
            row = add(db, "annotator", email=old, joined_at=WHEN)
            db.execute("UPDATE account SET joined = '2020-01-01', annotator_id = ?", (row,))
            server = db.execute("SELECT server FROM account LIMIT 1").fetchone()[0]
            add(db, "account", server=server, number=9999, annotator_id=row, joined="2020-01-01")
        for _ in range(2):
            assert push(workspace).removed == []
        assert old in {p.email for p in taking_part(workspace)}
        assert {annotators[0][0], annotators[1][0]} < {p.email for p in taking_part(workspace)}


def open_images(workspace: Workspace) -> dict[str, int]:
    """Return how many images each person has to do, those without any left out."""
    return {p.email: p.open for p in members(workspace) if p.open}

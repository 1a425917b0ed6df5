"""``annotate users``: the annotators of a campaign and their accounts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rsitmd_tools.errors import RsitmdError, command_line
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.accounts import People
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import has_left, members, person_of


def lock_out(workspace: Workspace, client: Client, email: str) -> None:
    """Remove an annotator's account from the server; their annotations stay there.

    The annotator can have left the campaign before.

    Raises:
        RsitmdError: The address is not one of an annotator, it has no account, or the server
            refuses.
    """
    if not has_left(workspace, email):
        person_of(workspace, email)
    people = People(workspace, client)
    number = people.number(email)
    if email in people.removed():
        raise RsitmdError(
            "the account was already removed on the server",
            where=email,
            hint="to assign its images to others, run: "
            + command_line("annotate", "push", workspace.path),
        )
    if number is None:
        deactivate = command_line("annotate", "users", workspace.path, "deactivate", email)
        raise RsitmdError(
            "has no account on the server",
            where=email,
            hint=None if has_left(workspace, email) else f"run: {deactivate}",
        )
    own = client.call(client.sdk.users.whoami)
    client.call(client.sdk.organizations.members.delete, id=own.active_organization, user_pk=number)


def overview(workspace: Workspace) -> list[dict[str, Any]]:
    """Return all annotators who are or were active.

    Returns:
        One dictionary per annotator with the fields of
        :class:`~rsitmd_tools.workspace.people.Member`.
    """
    return [asdict(member) for member in members(workspace)]

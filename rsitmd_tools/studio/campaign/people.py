"""``annotate users remove``: an annotator loses the account on the server."""

from __future__ import annotations

from http import HTTPStatus

from rsitmd_tools.errors import RsitmdError, command_line
from rsitmd_tools.studio.api.calls import Refused
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.accounts import ServerAccounts
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import has_left, person_of


def lock_out(workspace: Workspace, client: Client, email: str) -> None:
    """Remove an annotator's account from the server; their annotations stay there.

    The annotator can have left the campaign before.

    Raises:
        RsitmdError: The address is not one of an annotator, it has no account, or the server
            refuses.
    """
    if not has_left(workspace, email):
        person_of(workspace, email)
    accounts = ServerAccounts(workspace, client)
    number = accounts.number(email)
    if email in accounts.removed():
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
    try:
        client.call(
            client.sdk.organizations.members.delete, id=own.active_organization, user_pk=number
        )
    except Refused as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        raise RsitmdError(
            "the token does not allow removing accounts",
            where=client.connection.url,
            hint="connect with the token of an administrator, or run: "
            + command_line("annotate", "users", workspace.path, "deactivate", email),
        ) from None

"""``rsitmd annotate users``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rsitmd_tools.cli.messages import warn
from rsitmd_tools.cli.options import (
    json_option,
    print_json,
    reviewer_name,
    workspace_argument,
)
from rsitmd_tools.errors import RsitmdError, WrongUsage, command_line, count_of

if TYPE_CHECKING:
    from rsitmd_tools.workspace import Workspace

ADDRESS = re.compile(r"""[^@\s,;<>"']+@[^@\s,;<>"']+""")
ACTIONS = ("list", "add", "accept", "deactivate", "remove")


@click.command("users")
@workspace_argument
@click.argument("action", type=click.Choice(ACTIONS), default="list")
@click.argument("emails", nargs=-1, metavar="[EMAIL]...")
@click.option(
    "--reviewer", metavar="NAME", help="With accept: who records it. Default: your user name."
)
@json_option
def command(
    folder: Path, action: str, emails: tuple[str, ...], reviewer: str | None, as_json: bool
) -> None:
    """List the annotators of the campaign, or change them.

    Everyone who signs up with the link of `invite` joins the campaign.

    \b
    list        show all annotators (the default)
    add         add annotators before they sign up, or who already have an account
    accept      record that annotators accepted the licence of their sentences,
                for example on paper
    deactivate  take annotators out of the campaign; the next push assigns their
                open images to others, and their sentences are kept
    remove      deactivate, and block the accounts on the server; this cannot be
                undone

    An annotator whose account was removed on the server is listed as left. The next push assigns
    their open images to others.

    \b
    Examples:
      rsitmd annotate users my-dataset
      rsitmd annotate users my-dataset add anna@example.org
      rsitmd annotate users my-dataset accept anna@example.org --reviewer "B. Lee"
      rsitmd annotate users my-dataset deactivate anna@example.org
    """
    from dataclasses import asdict

    from rsitmd_tools.workspace.licence import licence_state
    from rsitmd_tools.workspace.people import members

    if bool(emails) != (action != "list"):
        example = () if action == "list" else (action, "EMAIL")
        raise WrongUsage(
            f"{action} accepts no address" if action == "list" else f"{action} requires an address",
            hint="run: " + command_line("annotate", "users", folder, *example),
        )
    if reviewer is not None and action != "accept":
        raise WrongUsage("--reviewer requires accept", hint="omit --reviewer")
    addresses = [_address(text) for text in emails]
    with _opened(folder, action) as workspace:
        for email in addresses:
            click.echo(f"{email}: {_change(workspace, action, email, reviewer)}", err=True)
        if action == "add":  # the address can be that of an account on the server
            _update_accounts(workspace)
        people = [asdict(member) for member in members(workspace)]
        licence = licence_state(workspace)
    for person in people:
        person["licence"] = None if licence is None else person["email"] in licence["accepted"]
    if as_json:
        print_json(people)
        return
    for person in people:
        click.echo(_line(person))
    if not people:
        click.echo(
            "no annotators yet; to print the sign-up link, run: "
            + command_line("annotate", "invite", folder)
        )


def _address(text: str) -> str:
    """Return an address without the space around it, which is easily copied with it.

    Raises:
        WrongUsage: The text is not one address. An annotator with another address than the account
            would get images, and nobody would see them.
    """
    address = text.strip()
    if not ADDRESS.fullmatch(address) or not address.isprintable():
        raise WrongUsage(
            "not an email address", where=text, hint="use an address such as anna@example.org"
        )
    return address


def _opened(folder: Path, action: str) -> Workspace:
    """Open a workspace for an action.

    A list first stores which accounts the server has. If another command is writing to the
    workspace, or nobody may, it shows what is stored.
    """
    from rsitmd_tools.workspace import Workspace

    try:
        workspace = Workspace.open(folder, write=True)
    except RsitmdError as error:
        if action != "list":
            raise
        workspace = Workspace.open(folder)
        _warn_outdated(error)
        return workspace
    if action == "list":
        _update_accounts(workspace)
    return workspace


def _warn_outdated(error: RsitmdError) -> None:
    hint = f"; {error.hint}" if error.hint else ""
    warn(
        "the list does not show accounts that were created or removed on the server since the"
        f" last push or pull: {error.what}{hint}"
    )


def _update_accounts(workspace: Workspace) -> None:
    """Store the accounts of the server, if it answers, and name those that were removed."""
    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.api.connection import connection_of
    from rsitmd_tools.studio.sync.accounts import ServerAccounts

    try:
        removed = ServerAccounts(workspace, Client(connection_of(workspace))).removed()
    except RsitmdError as error:
        _warn_outdated(error)
        return
    push = command_line("annotate", "push", workspace.path)
    for email in removed:
        click.echo(
            f"{email}: account removed on the server. To assign the open images to others,"
            f" run: {push}",
            err=True,
        )


def _change(workspace: Workspace, action: str, email: str, reviewer: str | None) -> str:
    """Apply an action to an annotator; return what happened."""
    from rsitmd_tools.workspace.licence import accept
    from rsitmd_tools.workspace.people import join

    if action == "add":
        return "added" if join(workspace, email) else "is already an annotator"
    if action == "accept":
        new = accept(workspace, email, reviewer_name(reviewer))
        return "acceptance recorded" if new else "has already accepted the licence"
    return _take_out(workspace, email, remove=action == "remove")


def _take_out(workspace: Workspace, email: str, *, remove: bool) -> str:
    """Deactivate an annotator, or remove the account too; return what happened."""
    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.api.connection import connection_of
    from rsitmd_tools.studio.campaign.people import lock_out
    from rsitmd_tools.workspace.people import has_left, leave

    left = remove and has_left(workspace, email)
    if remove:
        lock_out(workspace, Client(connection_of(workspace)), email)
    freed = 0 if left else leave(workspace, email)
    result = "removed" if remove else "deactivated"
    if not freed:
        return result
    push = command_line("annotate", "push", workspace.path)
    return f"{result}. To assign {count_of(freed, 'open image')} to others, run: {push}"


def _line(person: dict[str, Any]) -> str:
    name = f" ({person['name']})" if person["name"] else ""
    pilot = f", pilot: {person['pilot']}" if person["pilot"] else ""
    reason = f" ({person['left_reason']})" if person["left_reason"] else ""
    part = "active" if person["active"] else f"left{reason}"
    account = "" if person["account"] else ", has not signed up yet"
    licence = ", has not accepted the licence" if person["licence"] is False else ""
    return (
        f"{person['email']}{name}: {part}{account}{licence}{pilot},"
        f" {person['written']} written, {person['open']} to do"
    )

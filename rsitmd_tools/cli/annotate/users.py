"""``rsitmd annotate users``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from rsitmd_tools.cli.options import count_of, json_option, print_json, workspace_argument

ACTIONS = ("list", "add", "accept", "deactivate", "remove")


@click.command("users", short_help="Annotators: list, add, accept, deactivate, remove.")
@workspace_argument
@click.argument("action", type=click.Choice(ACTIONS), default="list")
@click.argument("emails", nargs=-1, metavar="[EMAIL]...")
@click.option(
    "--reviewer", metavar="NAME", help="Name of the lead for `accept`; your user name by default."
)
@json_option
def command(
    folder: Path, action: str, emails: tuple[str, ...], reviewer: str | None, as_json: bool
) -> None:
    """List the annotators of the campaign and change the list.

    Everybody who signs up with the link of `invite` becomes an annotator. `add` adds annotators
    before they sign up, and people who already have an account. `accept` records that annotators
    accepted the licence elsewhere, for example on paper. `deactivate` assigns an annotator's open
    images to others at the next push and keeps their annotations. `remove` also removes the
    account from the server; the server cannot restore it. Annotators whose account was removed on
    the server are shown as left; the next push assigns their open images to others.

    \b
    Examples:
      rsitmd annotate users my-dataset
      rsitmd annotate users my-dataset add anna@example.org
      rsitmd annotate users my-dataset accept anna@example.org --reviewer "B. Lee"
      rsitmd annotate users my-dataset deactivate anna@example.org
    """
    import getpass
    import shlex

    from rsitmd_tools.errors import RsitmdError, WrongUsage
    from rsitmd_tools.studio.api.client import Client
    from rsitmd_tools.studio.api.connection import connection_of
    from rsitmd_tools.studio.campaign.people import lock_out, overview
    from rsitmd_tools.studio.sync.accounts import People
    from rsitmd_tools.workspace import Workspace
    from rsitmd_tools.workspace.licence import accept, licence_state
    from rsitmd_tools.workspace.people import join, leave

    if bool(emails) != (action != "list"):
        raise WrongUsage(
            f"{action} {'takes no address' if action == 'list' else 'needs an address'}",
            hint="for example: rsitmd annotate users DIR add anna@example.org",
        )
    if reviewer is not None and action != "accept":
        raise WrongUsage("--reviewer is only valid with accept", hint="leave it out")
    with Workspace.open(folder, write=True) as workspace:
        if action == "list":
            try:
                removed = People(workspace, Client(connection_of(workspace))).removed()
            except RsitmdError as error:
                removed = []
                click.echo(f"as of the last push or pull: {error}", err=True)
            again = shlex.join(["rsitmd", "annotate", "push", str(folder)])
            for email in removed:
                removal = "account removed on the server; to assign its open images to others, run"
                click.echo(f"{email}: {removal}: {again}", err=True)
        for email in emails:
            if "@" not in email.strip("@") or len(email.split()) != 1:
                raise WrongUsage(
                    "is not an email address", where=email, hint="use the form name@example.org"
                )
        for email in emails:
            if action == "add":
                result = "added" if join(workspace, email) else "was already an active annotator"
                click.echo(f"{email}: {result}", err=True)
                continue
            if action == "accept":
                new = accept(workspace, email, reviewer or getpass.getuser())
                result = "acceptance recorded" if new else "had already accepted"
                click.echo(f"{email}: {result}", err=True)
                continue
            if action == "remove":
                lock_out(workspace, Client(connection_of(workspace)), email)
            freed = leave(workspace, email)
            again = shlex.join(["rsitmd", "annotate", "push", str(folder)])
            rest = f"{count_of(freed, 'open image')}; to assign to other annotators, run: {again}"
            click.echo(f"{email}: {rest if freed else 'no open images'}", err=True)
        people = overview(workspace)
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
            "no annotators yet; to print an invitation link, run: "
            + shlex.join(["rsitmd", "annotate", "invite", str(folder)])
        )


def _line(person: dict[str, Any]) -> str:
    name = f" ({person['name']})" if person["name"] else ""
    pilot = f", pilot: {person['pilot']}" if person["pilot"] else ""
    reason = f" ({person['left_reason']})" if person["left_reason"] else ""
    part = "takes part" if person["active"] else f"left{reason}"
    account = "" if person["account"] else ", has not signed up yet"
    licence = ", has not accepted the licence" if person["licence"] is False else ""
    return (
        f"{person['email']}{name}: {part}{account}{licence}{pilot},"
        f" {person['written']} written, {person['open']} to do"
    )

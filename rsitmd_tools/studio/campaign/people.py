"""The people of a campaign: who has what to do, and whose account is locked."""

from __future__ import annotations

from typing import Any

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.sync.accounts import People
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.people import OPEN, person_of


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
            hint="give their images to others: rsitmd annotate push DIR",
        )
    if number is None:
        raise RsitmdError("has no account on the server", where=email, hint="deactivate it")
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

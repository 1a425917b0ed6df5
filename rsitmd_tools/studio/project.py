"""The project of a campaign on the server: found again or made, never twice."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.annotation_templates import guide, labeling_config
from rsitmd_tools.studio.client import Client, server_time
from rsitmd_tools.workspace import Workspace

TEMPLATE = "captioning"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Project:
    """A campaign's project on a server.

    Attributes:
        row: Its row in the workspace.
        number: Its number on the server.
        tasks: How many tasks the server says it has.
    """

    row: int
    number: int
    tasks: int


def ensure_project(workspace: Workspace, client: Client) -> Project:
    """Return the shared project of the campaign; it is made when the server has none.

    The campaign's key stands in the project's description. A run that was killed after
    the server had made the project finds it there again.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """
    marker = f"rsitmd-tools campaign {_campaign_key(workspace)}"
    projects: list[Any] = client.call(lambda: list(client.sdk.projects.list()))
    row = workspace.db.execute(
        "SELECT * FROM project WHERE server = ? AND annotator_id IS NULL",
        (client.connection.key,),
    ).fetchone()
    # Marker and time: whoever edits the description does not lose the project by it.
    known = None if row is None else (row["server_id"], row["created_at"])
    found = next((p for p in projects if known == (p.id, _created(p))), None) or next(
        (p for p in projects if p.description == marker), None
    )
    config = _config(workspace)
    if found is None:
        if row is not None:
            log.warning("project %s is gone from the server: a new one is made", row["server_id"])
        found = _make(workspace, client, marker, config)
    elif row is not None:
        _follow_settings(workspace, client, found, changed=row["config"] != _sha256(config))
    return Project(
        row=_record(workspace, client, found, config, row),
        number=int(found.id),
        tasks=int(found.task_number or 0),
    )


def pull_cursor(project: int) -> str:
    """Return the key of the fact that says up to which time a project (by row) was pulled."""
    return f"pull.{project}"


def _campaign_key(workspace: Workspace) -> str:
    import uuid

    key = workspace.fact("campaign")
    if key is None:
        key = str(uuid.uuid4())
        with workspace.transaction():
            workspace.set_fact("campaign", key)
    return key


def _config(workspace: Workspace) -> str:
    settings = workspace.settings.annotation
    return labeling_config(
        settings.sentences_per_annotator, settings.keywords_min, settings.keywords_max
    )


def _make(workspace: Workspace, client: Client, marker: str, config: str) -> Any:
    title = workspace.settings.dataset.name[:45]
    return client.call(
        client.sdk.projects.create,
        safe=False,
        title=title if len(title) >= 3 else f"{title} dataset",
        description=marker,
        label_config=config,
        maximum_annotations=workspace.settings.annotation.annotators_per_image,
        expert_instruction=instructions(guide()),
        show_instruction=True,
        show_skip_button=True,
        # Without it the page refuses a text that was typed but not yet added by a key. The
        # fields are required: an empty annotation is refused all the same.
        enable_empty_annotation=True,
    )


def _follow_settings(workspace: Workspace, client: Client, found: Any, *, changed: bool) -> None:
    """Bring the project up to the settings; a page changed on the server stays otherwise."""
    update: dict[str, Any] = {}
    most = workspace.settings.annotation.annotators_per_image
    if found.maximum_annotations != most:
        update["maximum_annotations"] = most
    if changed:
        update["label_config"] = _config(workspace)
    if update:
        client.call(client.sdk.projects.update, id=found.id, **update)


def _record(
    workspace: Workspace, client: Client, found: Any, config: str, row: sqlite3.Row | None
) -> int:
    """Write the project into the workspace; return its row."""
    number, created = int(found.id), _created(found)
    with workspace.transaction() as db:
        if row is None:
            # Known under another address of its server? Its annotations must not come twice.
            row = db.execute(
                "SELECT * FROM project WHERE server_id = ? AND created_at = ?", (number, created)
            ).fetchone()
        values = (client.connection.key, number, TEMPLATE, _sha256(config), created)
        if row is None:
            cursor = db.execute(
                "INSERT INTO project (server, server_id, template, config, created_at)"
                " VALUES (?, ?, ?, ?, ?)",
                values,
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid
        db.execute(
            "UPDATE project SET server = ?, server_id = ?, template = ?, config = ?,"
            " created_at = ? WHERE id = ?",
            (*values, row["id"]),
        )
        if (row["server_id"], row["created_at"]) != (number, created):
            # Another project took the place of one that is gone: its tasks are gone too.
            db.execute("DELETE FROM fact WHERE key = ?", (pull_cursor(row["id"]),))
            db.execute("UPDATE task SET server_id = -id WHERE project_id = ?", (row["id"],))
        return int(row["id"])


def _created(project: Any) -> str:
    return server_time(project.created_at)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def instructions(markdown: str) -> str:
    """Return the guide as the HTML that the server shows before the first task."""
    from markdown_it import MarkdownIt

    return str(MarkdownIt().render(markdown))

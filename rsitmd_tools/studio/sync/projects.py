"""The projects of a campaign on the server: found again or made, never twice."""

from __future__ import annotations

import itertools
import logging
import re
import sqlite3
from dataclasses import dataclass
from functools import partial
from typing import Any
from xml.etree import ElementTree

from rsitmd_tools.annotation_templates import guide
from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.studio.sync.fields import page_of
from rsitmd_tools.studio.sync.page_changes import (
    config_hash,
    page_changes,
    remember_renamed,
    renamed_fields,
)
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.admission import current_pilot
from rsitmd_tools.workspace.people import Person
from rsitmd_tools.workspace.store import utc_now

MAIN = "main"
PILOT = "pilot"
TITLE_LENGTH = 50  # the server takes 3 to 50 characters
PAGE_SETTINGS = {
    "show_instruction": True,
    "show_skip_button": True,
    # Without it the page refuses a text that was typed but not yet added by a key. The fields
    # are required: an empty annotation is refused all the same.
    "enable_empty_annotation": True,
}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Project:
    """A campaign's project on a server.

    Attributes:
        row: Its row in the workspace.
        number: Its number on the server.
        tasks: How many tasks the server says it has.
        owner: Whose project it is; None for the shared one.
        kind: ``main`` or ``pilot``.
        new_page: Whether its page is not the one that the settings ask for now.
        changed_page: Whether somebody changed the page on the server.
        page: The labeling configuration that the server has.
    """

    row: int
    number: int
    tasks: int
    owner: Person | None
    kind: str
    new_page: bool
    changed_page: bool = False
    page: str = ""


class Projects:
    """The campaign's projects, as the server lists them when this is made.

    The campaign's key stands in a project's description. A run that was killed after the
    server had made the project finds it there again.

    Args:
        workspace: The workspace.
        client: The server.
        greeting: What people read before the guide, Markdown.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """

    def __init__(self, workspace: Workspace, client: Client, greeting: str = "") -> None:
        self._workspace = workspace
        self._client = client
        self._greeting = greeting
        self._there: list[Any] = client.call(lambda: list(client.sdk.projects.list()))
        self._key = campaign_key(workspace)

    def shared_is_used(self) -> bool:
        """Say whether there is a shared project in which somebody wrote."""
        row = self._row(None, MAIN)
        if row is None:
            found = self._find(None, self._marker(None, MAIN))
        else:
            found = self._find(row, self._marker(None, MAIN))
            written = self._workspace.db.execute(
                "SELECT 1 FROM annotation JOIN task ON task.id = task_id WHERE project_id = ?",
                (row["id"],),
            )
            if written.fetchone() is not None:
                return True
        return found is not None and bool(found.total_annotations_number)

    def ensure(self, owner: Person | None = None, kind: str = MAIN) -> Project:
        """Return a project of the campaign; it is made when the server has none."""
        marker = self._marker(owner, kind)
        row = self._row(owner, kind)
        found = self._find(row, marker)
        config = page_of(self._workspace)
        if found is None:
            if row is not None:
                log.warning(
                    "project %s is gone from the server: a new one is made", row["server_id"]
                )
            found = self._make(owner, kind, marker, config)
            self._there.append(found)
        else:
            self._follow_settings(found, owner)
        there = str(found.label_config)
        changed = None if row is None else page_changes(self._workspace, row, there)
        number = self._record(found, owner, kind, config_hash(there), row)
        if changed:
            remember_renamed(self._workspace, number, changed)
        return Project(
            row=number,
            number=int(found.id),
            tasks=int(found.task_number or 0),
            owner=owner,
            kind=kind,
            new_page=config_hash(there) != config_hash(config),
            changed_page=changed is not None,
            page=there,
        )

    def send_page(self, project: Project) -> bool:
        """Bring a project's page up to the settings.

        Returns:
            False where people wrote in fields that the new page has not: under it their
            texts could neither be seen nor changed. The server would allow it.
        """
        config = page_of(self._workspace)
        written = self._client.written_fields(project.number) & text_fields(project.page)
        renamed = renamed_fields(self._workspace, project.row)
        if not written <= text_fields(config) | set(renamed):
            return False
        self._client.call(self._client.sdk.projects.update, id=project.number, label_config=config)
        with self._workspace.transaction() as db:
            db.execute(
                "UPDATE project SET config = ? WHERE id = ?", (config_hash(config), project.row)
            )
        return True

    def close(self, row: int) -> None:
        """Give a project no more tasks: its work is done elsewhere from now on.

        Nothing is removed from the server. Tasks in which nobody wrote are forgotten here; a
        pull that finds a text in one of them knows it by its content key.
        """
        db = self._workspace.db
        project = db.execute("SELECT * FROM project WHERE id = ?", (row,)).fetchone()
        found = self._find(project)
        if found is not None:
            self._client.call(
                self._client.sdk.projects.update,
                id=found.id,
                title=project_title(f"closed: {found.title}"),
                description=f"{found.description or ''} (closed)",
            )
            self._there.remove(found)  # what it says here is not true any more
        with self._workspace.transaction():
            db.execute("UPDATE project SET closed_at = ? WHERE id = ?", (utc_now(), row))
            db.execute(
                "DELETE FROM task WHERE project_id = ?"
                " AND id NOT IN (SELECT task_id FROM annotation)"
                " AND id NOT IN (SELECT task_id FROM skip)",
                (row,),
            )

    def _row(self, owner: Person | None, kind: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._workspace.db.execute(
            "SELECT * FROM project WHERE server = ? AND annotator_id IS ? AND kind = ?"
            " AND closed_at IS NULL",
            (self._client.connection.key, None if owner is None else owner.row, kind),
        ).fetchone()
        return row

    def _find(self, row: sqlite3.Row | None, marker: str | None = None) -> Any | None:
        # Marker and time: whoever edits the description does not lose the project by it.
        known = None if row is None else (row["server_id"], row["created_at"])
        return next((p for p in self._there if known == (p.id, _created(p))), None) or next(
            (p for p in self._there if marker is not None and p.description == marker), None
        )

    def _marker(self, owner: Person | None, kind: str) -> str:
        marker = f"rsitmd-tools campaign {self._key}"
        pilot = current_pilot(self._workspace) or 1
        if kind == PILOT and pilot > 1:  # else a project of an earlier pilot would be found
            kind = f"{kind}-{pilot}"
        return marker if owner is None else f"{marker} {kind} {owner.email}"

    def _make(self, owner: Person | None, kind: str, marker: str, config: str) -> Any:
        name = self._workspace.settings.dataset.name
        if owner is not None:
            shown = owner.shown[: TITLE_LENGTH // 2]
            practice = " (pilot)" if kind == PILOT else ""
            rest = TITLE_LENGTH - len(shown) - len(practice) - 2
            name = f"{name[:rest]}: {shown}{practice}"

        def look() -> Any | None:
            there = self._client.call(lambda: list(self._client.sdk.projects.list()))
            return next((p for p in there if p.description == marker), None)

        send = partial(
            self._client.sdk.projects.create,
            title=project_title(name),
            description=marker,
            label_config=config,
            maximum_annotations=self._people(owner),
            expert_instruction=instructions(self._greeting + guide()),
            **PAGE_SETTINGS,
        )
        return self._client.make(send, look)

    def _people(self, owner: Person | None) -> int:
        """Return how many people caption each task of a project."""
        return 1 if owner else self._workspace.settings.annotation.annotators_per_image

    def _follow_settings(self, found: Any, owner: Person | None) -> None:
        wanted: dict[str, Any] = {"maximum_annotations": self._people(owner), **PAGE_SETTINGS}
        changed = {name: value for name, value in wanted.items() if getattr(found, name) != value}
        if changed:
            self._client.call(self._client.sdk.projects.update, id=found.id, **changed)

    def _record(
        self, found: Any, owner: Person | None, kind: str, config: str, row: sqlite3.Row | None
    ) -> int:
        """Write the project into the workspace; return its row."""
        number, created = int(found.id), _created(found)
        template = self._workspace.settings.annotation.template
        person = None if owner is None else owner.row
        pilot = current_pilot(self._workspace) if kind == PILOT else None
        with self._workspace.transaction() as db:
            if row is None:
                # Known under another address of its server? Its annotations must not come
                # twice.
                row = db.execute(
                    "SELECT * FROM project WHERE server_id = ? AND created_at = ?",
                    (number, created),
                ).fetchone()
            values = (self._client.connection.key, number, template, config, created)
            if row is None:
                cursor = db.execute(
                    "INSERT INTO project (server, server_id, template, config, created_at,"
                    " annotator_id, kind, pilot_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (*values, person, kind, pilot),
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


def pull_cursor(project: int) -> str:
    """Return the key of the fact that says up to which time a project (by row) was pulled."""
    return f"pull.{project}"


def text_fields(config: str) -> set[str]:
    """Return the names of the fields of a page in which people write."""
    page = ElementTree.fromstring(config)  # noqa: S314 - expat expands no external entity
    return {part.get("name", "") for part in page.iter() if part.get("toName")}


def campaign_key(workspace: Workspace) -> str:
    """Return what tells a campaign from all others; it is made at the first push."""
    import uuid

    key = workspace.fact("campaign")
    if key is None:
        key = str(uuid.uuid4())
        with workspace.transaction():
            workspace.set_fact("campaign", key)
    return key


def project_title(name: str) -> str:
    """Return a name as long as the server takes."""
    return (name if len(name) >= 3 else f"{name} dataset")[:TITLE_LENGTH]


def _created(project: Any) -> str:
    return server_time(project.created_at)


def instructions(markdown: str) -> str:
    """Return the guide as the HTML that the server shows before the first task."""
    from markdown_it import MarkdownIt

    # The server's page takes styles away, the numbers of a list and the space around its parts.
    numbers = itertools.count(1)
    shown = re.sub("<li>", lambda _: f"<li>{next(numbers)}. ", MarkdownIt().render(markdown))
    return re.sub("(</(?:h1|p|ol)>)", r"\1<br/>", shown)

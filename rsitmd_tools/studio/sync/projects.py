"""The projects of a campaign on the server: each is created once and found again later."""

from __future__ import annotations

import itertools
import logging
import re
from dataclasses import dataclass
from functools import partial
from typing import Any
from xml.etree import ElementTree

from rsitmd_tools.annotation_templates import CORRECTION, KEYWORDS, RANKING, SUGGESTED, guide
from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.studio.api.connection import uses_own_server
from rsitmd_tools.studio.sync.fields import page_of
from rsitmd_tools.studio.sync.identity import follow_projects
from rsitmd_tools.studio.sync.page_changes import (
    config_hash,
    page_changes,
    remember_renamed,
    renamed_fields,
)
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.admission import current_pilot
from rsitmd_tools.workspace.imported import has_imported_sentences
from rsitmd_tools.workspace.people import Person
from rsitmd_tools.workspace.projects import (
    MAIN,
    PILOT,
    ProjectRecord,
    ServerProject,
    add_project,
    find_open_project,
    find_project_by_creation,
    forget_pull_cursor,
    has_annotation,
    mark_project_closed,
    project_record,
    set_project_page,
    update_project,
)
from rsitmd_tools.workspace.tasks import free_project_task_numbers

TITLE_LENGTH = 50  # the server accepts 3 to 50 characters
CLOSED_TITLE = "closed: "
PAGE_SETTINGS = {
    "show_instruction": True,
    "show_skip_button": True,
    # Without it, Label Studio refuses a text that was typed and not yet added with a key. An
    # empty annotation is refused anyway, because the fields are required.
    "enable_empty_annotation": True,
}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Project:
    """A campaign's project on a server.

    Attributes:
        row: Its row in the workspace.
        number: Its number on the server.
        owner: The annotator whose project it is; None for the shared project.
        kind: ``main`` or ``pilot``.
        new_page: Whether its labeling page differs from the configured one.
        changed_page: Whether the labeling page was changed on the server.
        page: The labeling configuration that the server has.
    """

    row: int
    number: int
    owner: Person | None
    kind: str
    new_page: bool
    changed_page: bool = False
    page: str = ""


class Projects:
    """The projects of a campaign on a server.

    The list of projects is read once, when the object is created. Each project has the key of
    the campaign in its description. So a push that was interrupted after the server had
    created a project finds it at the next run.

    Args:
        workspace: The workspace.
        client: The server.
        greeting: Text before the guide in the instructions of a new project, Markdown.

    Raises:
        RsitmdError: The server is unreachable or refuses.
    """

    def __init__(self, workspace: Workspace, client: Client, greeting: str = "") -> None:
        self._workspace = workspace
        self._client = client
        self._greeting = greeting
        self._on_server: list[Any] = client.call(lambda: list(client.sdk.projects.list()))
        self._key = campaign_key(workspace)
        self._template = workspace.settings.annotation.works_like
        follow_projects(workspace, client, self._on_server)

    def shared_is_used(self) -> bool:
        """Return whether there is a shared project with annotations."""
        record = self._record_of(None, MAIN)
        if record is not None and has_annotation(self._workspace.db, record.row):
            return True
        found = self._find(record, self._marker(None, MAIN))
        return found is not None and bool(found.total_annotations_number)

    def ensure(self, owner: Person | None = None, kind: str = MAIN) -> Project:
        """Return a project of the campaign; it is created if the server does not have it.

        Args:
            owner: The annotator whose project it is; None for the shared project.
            kind: ``main`` or ``pilot``.
        """
        marker = self._marker(owner, kind)
        record = self._record_of(owner, kind)
        self._close_again(marker)
        found = self._find(record, marker, owner)
        config = page_of(self._workspace)
        if found is None:
            if record is not None:
                log.warning(
                    "%s does not exist on the server any more; a new one is created",
                    f"project {record.number}" if record.number > 0 else "a project",
                )
            found = self._create(owner, kind, marker, config)
            self._on_server.append(found)
        else:
            self._apply_settings(found, owner, marker)
        current = str(found.label_config)
        changed = None if record is None else page_changes(self._workspace, record, current)
        new_page = config_hash(current) != config_hash(config)
        # A page that was not sent yet says nothing about the texts that are there.
        template = record.template if record is not None and new_page else self._template
        row = self._store(found, owner, kind, config_hash(current), template, record)
        if changed:
            remember_renamed(self._workspace, row, changed)
        return Project(
            row=row,
            number=int(found.id),
            owner=owner,
            kind=kind,
            new_page=new_page,
            changed_page=changed is not None,
            page=current,
        )

    def hidden_fields(self, project: Project) -> list[str]:
        """Return the fields with texts that the configured labeling page does not have.

        Those texts could neither be seen nor changed on that page, although the server would
        accept it.
        """
        config = page_of(self._workspace)
        written = self._client.written_fields(project.number) & text_fields(project.page)
        renamed = renamed_fields(self._workspace, project.row)
        return sorted(written - text_fields(config) - set(renamed))

    def other_sentences(self, project: Project) -> str:
        """Return what the sentences of a project are, if those of the configured page are not that.

        A sentence either corrects an imported one or is new. Whether it does follows from the page
        of its project, so a project has sentences of one sort only.

        Returns:
            Words for a message; empty if the project can have the configured page.
        """
        corrects = project_record(self._workspace.db, project.row).template == CORRECTION
        if corrects == (self._template == CORRECTION):
            return ""
        written = self._client.written_fields(project.number) - {KEYWORDS, SUGGESTED, RANKING}
        if not written or not has_imported_sentences(self._workspace.db):
            return ""
        if corrects:
            return "corrections of imported sentences, and the configured labeling page has none"
        return "new sentences, and the configured labeling page has corrections of imported ones"

    def send_page(self, project: Project) -> None:
        """Send the configured labeling page to a project."""
        config = page_of(self._workspace)
        self._client.call(self._client.sdk.projects.update, id=project.number, label_config=config)
        with self._workspace.transaction() as db:
            set_project_page(db, project.row, config_hash(config), self._template)

    def close(self, row: int) -> None:
        """Close a project: it gets no more tasks.

        Nothing is deleted on the server. The workspace forgets the tasks without annotations;
        a pull that finds a text in one of them recognises it by its key.

        Args:
            row: Row of the project.
        """
        found = self._find(project_record(self._workspace.db, row))
        if found is not None:
            self._mark_closed(found)
        with self._workspace.transaction() as db:
            mark_project_closed(db, row)

    def _mark_closed(self, found: Any) -> None:
        """Show on the server that a project is closed."""
        self._client.call(
            self._client.sdk.projects.update,
            id=found.id,
            title=project_title(f"{CLOSED_TITLE}{found.title}"),
            description=f"{found.description or ''} (closed)",
        )
        self._on_server.remove(found)  # its title and description are out of date

    def _close_again(self, marker: str) -> None:
        """Mark projects as closed again that a restore of the server has opened."""
        for found in [p for p in self._on_server if p.description == marker]:
            known = self._known(found)
            if known is not None and known.closed_at is not None:
                self._mark_closed(found)

    def _record_of(self, owner: Person | None, kind: str) -> ProjectRecord | None:
        return find_open_project(
            self._workspace.db,
            self._client.connection.key,
            None if owner is None else owner.row,
            kind,
        )

    def _known(self, found: Any) -> ProjectRecord | None:
        """Return what the workspace knows of a project of the server."""
        return find_project_by_creation(self._workspace.db, int(found.id), _created(found))

    def _find(
        self, record: ProjectRecord | None, marker: str | None = None, owner: Person | None = None
    ) -> Any | None:
        # By number and time too, so that a project with an edited description is found.
        known = None if record is None else (record.number, record.created_at)
        return next((p for p in self._on_server if known == (p.id, _created(p))), None) or next(
            (p for p in self._on_server if marker is not None and self._fits(p, marker, owner)),
            None,
        )

    def _fits(self, found: Any, marker: str, owner: Person | None) -> bool:
        """Return whether a project has the marker, and does not belong to another person.

        A person can have the address that another one had before.
        """
        if found.description != marker:
            return False
        known = self._known(found)
        row = None if owner is None else owner.row
        return known is None or (known.owner == row and known.closed_at is None)

    def _marker(self, owner: Person | None, kind: str) -> str:
        marker = f"rsitmd-tools campaign {self._key}"
        pilot = current_pilot(self._workspace) or 1
        if kind == PILOT and pilot > 1:  # tells it from a project of an earlier pilot
            kind = f"{kind}-{pilot}"
        return marker if owner is None else f"{marker} {kind} {owner.email}"

    def _create(self, owner: Person | None, kind: str, marker: str, config: str) -> Any:
        name = self._workspace.settings.dataset.name
        if owner is not None:
            shown = owner.shown[: TITLE_LENGTH // 2]
            practice = " (pilot)" if kind == PILOT else ""
            rest = TITLE_LENGTH - len(shown) - len(practice) - 2
            name = f"{name[:rest]}: {shown}{practice}"

        def find() -> Any | None:
            listed = self._client.call(lambda: list(self._client.sdk.projects.list()))
            return next((p for p in listed if self._fits(p, marker, owner)), None)

        send = partial(
            self._client.sdk.projects.create,
            title=project_title(name),
            description=marker,
            label_config=config,
            maximum_annotations=self._annotators_per_task(owner),
            expert_instruction=instructions(
                self._greeting + guide(embedded=uses_own_server(self._workspace))
            ),
            **PAGE_SETTINGS,
        )
        return self._client.make(send, find)

    def _annotators_per_task(self, owner: Person | None) -> int:
        return 1 if owner else self._workspace.settings.annotation.annotators_per_image

    def _apply_settings(self, found: Any, owner: Person | None, marker: str) -> None:
        """Send the settings of a project that differ on the server.

        The annotators' pages find a project by its description. It differs if the owner has
        another address now, or if an older workspace has the project open that was closed.
        """
        wanted: dict[str, Any] = {
            "description": marker,
            "title": found.title.removeprefix(CLOSED_TITLE),
            "maximum_annotations": self._annotators_per_task(owner),
            **PAGE_SETTINGS,
        }
        changed = {name: value for name, value in wanted.items() if getattr(found, name) != value}
        if changed:
            self._client.call(self._client.sdk.projects.update, id=found.id, **changed)
            self._on_server.remove(found)
            self._on_server.append(found.model_copy(update=changed))

    def _store(
        self,
        found: Any,
        owner: Person | None,
        kind: str,
        config: str,
        template: str,
        record: ProjectRecord | None,
    ) -> int:
        """Store a project of the server in the workspace; return its row."""
        project = ServerProject(
            server=self._client.connection.key,
            number=int(found.id),
            template=template,
            config=config,
            created_at=_created(found),
        )
        person = None if owner is None else owner.row
        pilot = current_pilot(self._workspace) if kind == PILOT else None
        with self._workspace.transaction() as db:
            if record is None:
                # The server may have had another address. A second row of the project would
                # store its annotations twice.
                record = find_project_by_creation(db, project.number, project.created_at)
            if record is None:
                return add_project(db, project, person, kind, pilot)
            update_project(db, record.row, project)
            if (record.number, record.created_at) != (project.number, project.created_at):
                # The project replaces one that was deleted with all its tasks.
                forget_pull_cursor(db, record.row)
                free_project_task_numbers(db, record.row)
            return record.row


def text_fields(config: str) -> set[str]:
    """Return the names of the fields of a labeling page in which annotators write or choose."""
    page = ElementTree.fromstring(config)  # noqa: S314 - expat expands no external entity
    return {part.get("name", "") for part in page.iter() if part.get("toName")}


def campaign_key(workspace: Workspace) -> str:
    """Return the unique key of a campaign; it is created at the first push."""
    import uuid

    key = workspace.fact("campaign")
    if key is None:
        key = str(uuid.uuid4())
        with workspace.transaction():
            workspace.set_fact("campaign", key)
    return key


def project_title(name: str) -> str:
    """Return a project title with a length that the server accepts."""
    return (name if len(name) >= 3 else f"{name} dataset")[:TITLE_LENGTH]


def _created(project: Any) -> str:
    return server_time(project.created_at)


def instructions(markdown: str) -> str:
    """Return the guide as the HTML that the server shows before the first task."""
    from markdown_it import MarkdownIt

    # Label Studio removes styles, list numbers and the space between paragraphs.
    numbers = itertools.count(1)
    shown = re.sub("<li>", lambda _: f"<li>{next(numbers)}. ", MarkdownIt().render(markdown))
    return re.sub("(</(?:h1|p|ol)>)", r"\1<br/>", shown)

"""``annotate push``: every image to those who caption it, one task each, never twice."""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rsitmd_tools.annotation_templates import CAPTION, MACHINE
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.progress import progress
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.sync import licence
from rsitmd_tools.studio.sync.accounts import People
from rsitmd_tools.studio.sync.assign import (
    ASSIGNED,
    ORDERS,
    SHARED,
    admitted,
    assign,
    reassign_skipped,
    replan,
    skipped_by_all,
    wanting,
)
from rsitmd_tools.studio.sync.captions import caption_fields
from rsitmd_tools.studio.sync.deletions import Deletion
from rsitmd_tools.studio.sync.delivery import addresses, open_folder
from rsitmd_tools.studio.sync.fields import blank_fields, page_of
from rsitmd_tools.studio.sync.notes import SENT_BACK_NOTE, notes
from rsitmd_tools.studio.sync.projects import MAIN, PILOT, Project, Projects
from rsitmd_tools.studio.sync.renditions import make_renditions
from rsitmd_tools.studio.sync.tabs import ensure_sent_back_tab
from rsitmd_tools.studio.sync.tasks import TaskData, Tasks, own_data
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.admission import admit_writers, current_pilot
from rsitmd_tools.workspace.people import Person, taking_part

BATCH = 1000


@dataclass(frozen=True, slots=True)
class PushOptions:
    """What a push is asked to send.

    Attributes:
        limit: Give out at most so many images; all when None.
        category: Only images of this class.
        order: One of :data:`~rsitmd_tools.studio.sync.assign.ORDERS`; images that somebody began
            come first whatever the order.
        replan: Give some work of those who fell behind to others first.
    """

    limit: int | None = None
    category: str | None = None
    order: str = "category"
    replan: bool = False


@dataclass(slots=True)
class PushReport:
    """What a push did.

    Attributes:
        url: The page of the shared project, or of the list of projects.
        mode: ``shared`` or ``assigned``.
        new: Tasks made.
        found: Tasks that stood on the server already, made by an interrupted push.
        known: Tasks pushed before.
        changed: Tasks that got new data: a note, another address of the image.
        moved: Images that changed hands because somebody fell behind.
        reassigned: Images that changed hands because they were skipped.
        skipped_by_all: Images that nobody is left for, see
            :func:`~rsitmd_tools.studio.sync.assign.skipped_by_all`.
        adopted_tasks: Images whose task has another number on the server now.
        removed_tasks: Images whose task was deleted on the server.
        deletions: Annotations that were deleted with those tasks.
        restored_pages: Projects (numbers) whose page was changed on the server and is restored.
        short: Captions that wait for more people to take part.
        licence: The page on which people accept the licence; None where none is asked for.
        removed: People whose account was removed on the server; their images go to others.
        projects: ``{"id", "annotator", "kind", "url"}`` of each project.
    """

    url: str = ""
    mode: str = SHARED
    new: int = 0
    found: int = 0
    known: int = 0
    changed: int = 0
    moved: int = 0
    reassigned: int = 0
    skipped_by_all: list[dict[str, Any]] = field(default_factory=list)
    adopted_tasks: list[str] = field(default_factory=list)
    removed_tasks: list[str] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)
    restored_pages: list[int] = field(default_factory=list)
    short: int = 0
    licence: str | None = None
    removed: list[str] = field(default_factory=list)
    projects: list[dict[str, Any]] = field(default_factory=list)


def push(
    workspace: Workspace,
    asked: PushOptions | None = None,
    say: Callable[[str], None] | None = None,
) -> PushReport:
    """Give out images and send them as tasks.

    The content hash in each task's data is its key: what the server has is looked up
    before anything is sent, so a killed push can be run again.

    Args:
        workspace: The workspace.
        asked: What to send; everything by default.
        say: Told, before it happens, what will change of what is on the server already.

    Raises:
        RsitmdError: There is no image, nobody to caption it where the settings say
            ``assigned``, or the server is unreachable or refuses.
    """
    asked = asked or PushOptions()
    if asked.order not in ORDERS:
        raise WrongUsage(f"no order {asked.order!r}", hint=f"known: {', '.join(ORDERS)}")
    client = Client(connection_of(workspace))
    images = workspace.db.execute("SELECT * FROM image ORDER BY category, number").fetchall()
    if not images:
        raise RsitmdError(
            "holds no images",
            where=workspace.path,
            hint="run: "
            + shlex.join(["rsitmd", "build", "ingest", str(workspace.path), "FOLDER_OF_IMAGES"]),
        )
    return _Push(workspace, client, images, asked, say or (lambda line: None)).run()


def send_notes(workspace: Workspace, client: Client) -> int:
    """Bring the notes of a review to the tasks, and take away those that are dealt with.

    What a page shows of the captions of ``prefill`` is brought up to date too.

    Returns:
        How many tasks were changed.
    """
    images = workspace.db.execute("SELECT * FROM image ORDER BY category, number").fetchall()
    return _Push(workspace, client, images, PushOptions(), lambda line: None).follow()


def mode_of(workspace: Workspace, projects: Projects) -> str:
    """Return how images are given out: ``shared`` or ``assigned``.

    Where the settings say ``auto``, assigned from two people on. A campaign stays what it
    was begun as: shared where people wrote in a shared project, assigned where somebody has
    a project. A pilot needs a project for each person.
    """
    setting = workspace.settings.annotation.assignment
    if setting in (SHARED, ASSIGNED):
        return setting
    own = workspace.db.execute("SELECT 1 FROM project WHERE annotator_id IS NOT NULL").fetchone()
    if own is not None:
        return ASSIGNED
    alone = len(taking_part(workspace)) < 2 and current_pilot(workspace) is None
    return SHARED if alone or projects.shared_is_used() else ASSIGNED


class _Push:
    """One run of :func:`push`."""

    def __init__(
        self,
        workspace: Workspace,
        client: Client,
        images: Sequence[sqlite3.Row],
        asked: PushOptions,
        say: Callable[[str], None],
    ) -> None:
        self._workspace = workspace
        self._client = client
        self._images = images
        self._by_id = {row["id"]: row for row in images}
        self._asked = asked
        self._say = say
        self._report = PushReport()
        self._blank = blank_fields(page_of(workspace))
        self._addresses: dict[str, str] = {}

    def run(self) -> PushReport:
        """Do it."""
        # Sees who signed up, and whose account is gone.
        self._report.removed = People(self._workspace, self._client).removed()
        path = licence.ask(self._workspace, self._client)
        if path is not None:
            self._report.licence = f"{self._client.connection.page}{path}"
        self._projects = Projects(self._workspace, self._client, licence.greeting(path))
        self._addresses = addresses(self._workspace, self._client, self._images, upload=False)
        self._report.mode = mode_of(self._workspace, self._projects)
        if self._report.mode == SHARED:
            if current_pilot(self._workspace) is not None:
                self._say("people work in one shared project: the images of the pilot are not sent")
            self._fill(self._projects.ensure())
            self._report.url = self._report.projects[0]["url"]
        else:
            self._assigned()
            self._report.url = f"{self._client.connection.page}/projects"
        self._report.skipped_by_all = skipped_by_all(self._workspace)
        return self._report

    def follow(self) -> int:
        """Give all tasks of this server the data that they should have now."""
        self._addresses = addresses(self._workspace, self._client, self._images, upload=False)
        changed = 0
        for row in self._workspace.db.execute(
            "SELECT * FROM project WHERE server = ? ORDER BY id", (self._client.connection.key,)
        ).fetchall():
            project = Project(row["id"], row["server_id"], 0, None, row["kind"], new_page=False)
            tasks = Tasks(self._workspace, self._client, project, self._data_for(project))
            self._make_ready([self._by_id[image] for image in tasks.known()])
            changed += tasks.follow(self._by_id)
            said = notes(self._workspace, row["id"]).values()
            if any(SENT_BACK_NOTE in note for note in said):
                ensure_sent_back_tab(self._workspace, self._client, row["server_id"])
        return changed

    def _assigned(self) -> None:
        self._close_what_is_over()
        for email in admit_writers(self._workspace):
            self._say(f"{email} wrote before the pilot began and is let in")
        people = admitted(self._workspace)
        practising = self._practising()
        if not people and not practising:
            raise RsitmdError(
                "nobody takes part in this campaign yet",
                where=self._workspace.path,
                hint="let people sign up (rsitmd annotate invite), add them (rsitmd annotate"
                " users DIR add EMAIL), or let them in after the pilot",
            )
        if self._asked.replan:
            self._report.moved = replan(self._workspace)
        self._report.reassigned = reassign_skipped(self._workspace)
        self._give_out()
        for person in practising:
            self._fill(self._projects.ensure(person, PILOT))
        for person in people:
            self._fill(self._projects.ensure(person, MAIN))

    def _close_what_is_over(self) -> None:
        """Close the shared project, and those of people who left and of pilots that ended."""
        people = {person.row for person in taking_part(self._workspace)}
        pilot = current_pilot(self._workspace)
        for row in self._workspace.db.execute(
            "SELECT id, server_id, annotator_id, kind, pilot_id FROM project WHERE server = ?"
            " AND closed_at IS NULL",
            (self._client.connection.key,),
        ).fetchall():
            ended = row["kind"] == PILOT and row["pilot_id"] != pilot
            if ended or row["annotator_id"] not in people:
                self._say(f"project {row['server_id']} gets no more tasks; its texts are kept")
                self._projects.close(row["id"])

    def _give_out(self) -> None:
        """Plan who captions the images that lack people."""
        needs = wanting(self._workspace, self._asked.order, self._asked.category)
        if self._asked.limit is not None:
            needs = needs[: max(0, self._asked.limit - self._planned_not_sent())]
        missing = sum(need.missing for need in needs)
        self._report.short = missing - assign(self._workspace, needs)

    def _planned_not_sent(self) -> int:
        """Return how many images a push that was killed had given out but not sent."""
        row = self._workspace.db.execute(
            "SELECT count(DISTINCT image_id) FROM assignment WHERE NOT EXISTS ("
            " SELECT 1 FROM task JOIN project ON project.id = project_id"
            " WHERE task.image_id = assignment.image_id AND project.kind = 'main'"
            " AND project.annotator_id = assignment.annotator_id)"
        ).fetchone()
        return int(row[0])

    def _images_of(self, person: Person) -> list[sqlite3.Row]:
        """Return a person's images, without those whose captions stand elsewhere.

        These are captions in a closed project, and accepted ones whose task was deleted.
        """
        rows = self._workspace.db.execute(
            "SELECT image_id FROM assignment WHERE annotator_id = ? AND NOT EXISTS ("
            " SELECT 1 FROM current_annotation AS annotation JOIN task ON task.id = task_id"
            " JOIN project ON project.id = project_id"
            " WHERE task.image_id = assignment.image_id AND project.kind = 'main'"
            " AND annotation.annotator_id = assignment.annotator_id AND whole"
            " AND (project.closed_at IS NOT NULL OR deleted_at IS NOT NULL))"
            " ORDER BY assignment.id",
            (person.row,),
        )
        return [self._by_id[row["image_id"]] for row in rows]

    def _practising(self) -> list[Person]:
        if not self._pilot_images():
            return []
        return [person for person in taking_part(self._workspace) if person.pilot is None]

    def _pilot_images(self) -> list[sqlite3.Row]:
        rows = self._workspace.db.execute("SELECT image_id FROM pilot_image ORDER BY position")
        return [self._by_id[row["image_id"]] for row in rows]

    def _fill(self, project: Project) -> None:
        """Bring a project to what it should hold: its tasks, their data, its page."""
        tasks = Tasks(self._workspace, self._client, project, self._data_for(project))
        found, waiting = tasks.find(self._images_for(project))
        self._report.adopted_tasks += tasks.reconciled.adopted
        self._report.removed_tasks += tasks.reconciled.removed
        self._report.deletions += tasks.reconciled.deletions
        if project.owner is None:
            waiting = self._chosen(waiting)
        self._make_ready([*waiting, *(self._by_id[image] for image in tasks.known())])
        open_folder(self._workspace, self._client, project.number)
        with progress("push", len(waiting)) as step:
            tasks.send(waiting, BATCH, step)
        self._report.changed += tasks.follow(self._by_id, self._say)
        self._report.new += len(waiting)
        self._report.found += found
        self._report.known += len(tasks.known()) - len(waiting) - found
        if project.new_page:
            self._say(
                f"The page of project {project.number} was changed on the server. It is restored."
                if project.changed_page
                else f"project {project.number} gets the page of the settings"
            )
            if not self._projects.send_page(project):
                self._say(
                    f"people wrote in fields of project {project.number} that the new page has"
                    " not: its texts are kept, a new project takes the images without texts"
                )
                self._projects.close(project.row)
                self._fill(self._projects.ensure(project.owner, project.kind))
                return
            if project.changed_page:
                self._report.restored_pages.append(project.number)
        self._report.projects.append(
            {
                "id": project.number,
                "annotator": None if project.owner is None else project.owner.email,
                "kind": project.kind,
                "url": f"{self._client.connection.page}/projects/{project.number}/data",
            }
        )

    def _images_for(self, project: Project) -> list[sqlite3.Row]:
        """Return the images that a project should hold, in the order of its queue."""
        if project.kind == PILOT:
            return self._pilot_images()
        if project.owner is not None:
            return self._images_of(project.owner)
        missing = {need.image for need in wanting(self._workspace)}
        known = {
            row["image_id"]
            for row in self._workspace.db.execute(
                "SELECT image_id FROM task WHERE project_id = ?", (project.row,)
            )
        }
        return [row for row in self._images if row["id"] in missing or row["id"] in known]

    def _chosen(self, waiting: Sequence[sqlite3.Row]) -> list[sqlite3.Row]:
        """Return what of a shared project's missing tasks is asked for now, in its order."""
        by_id = {row["id"]: row for row in waiting}
        needs = wanting(self._workspace, self._asked.order, self._asked.category)
        chosen = [by_id[need.image] for need in needs if need.image in by_id]
        return chosen[: self._asked.limit]

    def _make_ready(self, rows: Sequence[sqlite3.Row]) -> None:
        """Make the renditions of images, and see that the server gets at them."""
        make_renditions(self._workspace, list(dict.fromkeys(row["filename"] for row in rows)))
        absent = [row for row in rows if row["sha256"] not in self._addresses]
        if absent:
            self._addresses |= addresses(self._workspace, self._client, absent)

    def _data_for(self, project: Project) -> TaskData:
        """Return what makes the data of a project's tasks."""
        # The fields of a pilot are empty: there is a model's text only where the page shows
        # the captions themselves.
        empty = project.kind == PILOT and f"{CAPTION}1" not in self._blank
        if not empty or MACHINE not in self._blank:
            return self._data
        return lambda row, note: {**self._data(row, note), MACHINE: ""}

    def _data(self, row: sqlite3.Row, note: str) -> dict[str, Any]:
        address = self._addresses.get(row["sha256"], "")
        captions = caption_fields(self._workspace, row["id"], self._blank)
        return {**self._blank, **captions, **own_data(row, address, note)}

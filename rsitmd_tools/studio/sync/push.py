"""``annotate push``: assign images to annotators and send each as one task, exactly once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rsitmd_tools.errors import RsitmdError, WrongUsage, command_line
from rsitmd_tools.progress import progress
from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.sync import licence
from rsitmd_tools.studio.sync.accounts import ServerAccounts
from rsitmd_tools.studio.sync.assign import (
    ASSIGNED,
    ORDERS,
    SHARED,
    admitted,
    assign,
    reassign_skipped,
    replan,
    skipped_by_all,
    superfluous,
    wanting,
    withdraw,
)
from rsitmd_tools.studio.sync.changed_tasks import changed_by_annotations
from rsitmd_tools.studio.sync.deletions import Deletion
from rsitmd_tools.studio.sync.delivery import open_folder
from rsitmd_tools.studio.sync.identity import projects_there
from rsitmd_tools.studio.sync.overlap import show_again
from rsitmd_tools.studio.sync.pictures import ChangedPicture
from rsitmd_tools.studio.sync.projects import Project, Projects
from rsitmd_tools.studio.sync.removed import close_removed
from rsitmd_tools.studio.sync.renditions import remove_former_renditions
from rsitmd_tools.studio.sync.task_content import TaskContent
from rsitmd_tools.studio.sync.tasks import Tasks
from rsitmd_tools.studio.sync.unused import delete_copies
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.admission import REFUSED, admit_writers, current_pilot
from rsitmd_tools.workspace.assignments import count_assigned_without_task, images_to_send
from rsitmd_tools.workspace.empty import no_images
from rsitmd_tools.workspace.people import Person, taking_part
from rsitmd_tools.workspace.pilot import pilot_images
from rsitmd_tools.workspace.projects import MAIN, PILOT, has_personal_project, projects_of
from rsitmd_tools.workspace.tasks import TaskImage, known_tasks, set_tasks_with_drafts, tasks_of

BATCH = 1000  # tasks in one request


@dataclass(frozen=True, slots=True)
class PushOptions:
    """What a push sends.

    Attributes:
        limit: Maximum number of images to assign; None for all.
        category: Only images of this category.
        order: One of :data:`~rsitmd_tools.studio.sync.assign.ORDERS`. Images that an annotator
            has begun come first in every order.
        replan: First withdraw open images that have more annotators than asked, and move open
            images from annotators who fell behind to others. An image that its annotator has
            begun to write about stays.
    """

    limit: int | None = None
    category: str | None = None
    order: str = "category"
    replan: bool = False


@dataclass(slots=True)
class PushReport:
    """The result of a push.

    Attributes:
        url: Address of the shared project, or of the list of projects.
        mode: ``shared`` or ``assigned``.
        new: Number of tasks that were created.
        found: Number of tasks that an interrupted push had created.
        known: Number of tasks that were pushed before.
        changed: Number of tasks that got new data: a note, another address of the image.
        withdrawn: Number of open tasks that were withdrawn, because their image has more
            annotators than asked.
        superfluous: Number of such tasks that are open.
        moved: Number of images that were moved from annotators who fell behind.
        reassigned: Number of skipped images that were moved to other annotators.
        skipped_by_all: Images that nobody is left for, see
            :func:`~rsitmd_tools.studio.sync.assign.skipped_by_all`.
        adopted_tasks: Images whose task has another number on the server now.
        removed_tasks: Images whose task was deleted on the server.
        copied_tasks: Images that had a second task in their project; it had no text and was
            deleted on the server.
        closed_tasks: Removed images whose task had no text and was deleted on the server.
        removed_with_texts: Removed images whose task has a text or a draft. It stays, with a note
            that says to skip it.
        shown_again: Images whose task had all its annotations and is shown to another annotator,
            because a text was rejected or somebody else wrote in the project.
        deletions: Annotations that were deleted with those tasks.
        changed_pictures: Tasks that showed another picture than the one that was sent, see
            :class:`~rsitmd_tools.studio.sync.pictures.ChangedPicture`; it is restored.
        other_notes: Images from whose task a note was removed that sends a sentence back, although
            this workspace never sent one back there: another copy of the workspace did.
        restored_pages: Numbers of projects whose labeling page was changed on the server and
            is restored.
        short: Number of captions that need more annotators.
        licence: Address of the page on which annotators accept the licence; None if the
            settings require no licence.
        removed: Annotators whose account was removed on the server; their open images are
            assigned to others.
        projects: ``{"id", "annotator", "kind", "url"}`` of each project.
    """

    url: str = ""
    mode: str = SHARED
    new: int = 0
    found: int = 0
    known: int = 0
    changed: int = 0
    withdrawn: int = 0
    superfluous: int = 0
    moved: int = 0
    reassigned: int = 0
    skipped_by_all: list[dict[str, Any]] = field(default_factory=list)
    adopted_tasks: list[str] = field(default_factory=list)
    removed_tasks: list[str] = field(default_factory=list)
    copied_tasks: list[str] = field(default_factory=list)
    closed_tasks: list[str] = field(default_factory=list)
    removed_with_texts: list[str] = field(default_factory=list)
    shown_again: list[str] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)
    changed_pictures: list[ChangedPicture] = field(default_factory=list)
    other_notes: list[str] = field(default_factory=list)
    restored_pages: list[int] = field(default_factory=list)
    short: int = 0
    licence: str | None = None
    removed: list[str] = field(default_factory=list)
    projects: list[dict[str, Any]] = field(default_factory=list)


def push(
    workspace: Workspace,
    options: PushOptions | None = None,
    notify: Callable[[str], None] | None = None,
) -> PushReport:
    """Assign images to annotators and send them as tasks.

    The key in each task's data identifies its image. The tasks on the server are read before
    anything is sent, so a push that was interrupted can be run again.

    Args:
        workspace: The workspace, open to write.
        options: What to send; everything by default.
        notify: Receives a line about each change of existing projects before it is made.

    Raises:
        RsitmdError: There is no image, there is no annotator in mode ``assigned``, or the
            server is unreachable or refuses.
        WrongUsage: The order is unknown.
    """
    options = options or PushOptions()
    if options.order not in ORDERS:
        raise WrongUsage(f"unknown order {options.order!r}", hint=f"use one of {', '.join(ORDERS)}")
    client = Client(connection_of(workspace))
    content = TaskContent(workspace, client)
    if not content.images.keys() - content.removed:
        raise no_images(workspace)
    return _Push(workspace, client, content, options, notify or (lambda line: None)).run()


def mode_of(workspace: Workspace, projects: Projects) -> str:
    """Return how images are assigned: ``shared`` or ``assigned``.

    With the setting ``auto``, the mode is ``assigned`` from two annotators on. A campaign keeps
    its mode: ``shared`` if the shared project has annotations, ``assigned`` if an annotator has
    a project. A pilot needs a project for each annotator.
    """
    setting = workspace.settings.annotation.assignment
    if setting in (SHARED, ASSIGNED):
        return setting
    if has_personal_project(workspace.db):
        return ASSIGNED
    alone = len(taking_part(workspace)) < 2 and current_pilot(workspace) is None
    return SHARED if alone or projects.shared_is_used() else ASSIGNED


class _Push:
    """One run of :func:`push`."""

    def __init__(
        self,
        workspace: Workspace,
        client: Client,
        content: TaskContent,
        options: PushOptions,
        notify: Callable[[str], None],
    ) -> None:
        self._workspace = workspace
        self._client = client
        self._content = content
        self._options = options
        self._notify = notify
        self._report = PushReport()

    def run(self) -> PushReport:
        # Finds new accounts and accounts that were removed.
        self._report.removed = ServerAccounts(self._workspace, self._client).removed()
        path = licence.ask(self._workspace, self._client)
        if path is not None:
            self._report.licence = f"{self._client.connection.page}{path}"
        self._projects = Projects(self._workspace, self._client, licence.greeting(path))
        self._report.mode = mode_of(self._workspace, self._projects)
        if self._report.mode == SHARED:
            if current_pilot(self._workspace) is not None:
                self._notify(
                    "the annotators share one project: the images of the pilot are not sent"
                )
            self._fill(self._projects.ensure())
            self._report.url = self._report.projects[0]["url"]
        else:
            self._send_assigned()
            self._report.url = f"{self._client.connection.page}/projects"
        remove_former_renditions(self._workspace)
        self._report.skipped_by_all = skipped_by_all(self._workspace)
        return self._report

    def _send_assigned(self) -> None:
        self._close_finished_projects()
        for email in admit_writers(self._workspace):
            self._notify(f"{email} wrote captions before the pilot started and is admitted")
        people = admitted(self._workspace)
        practising = self._practising()
        self._close_main_projects_of(practising)
        if not people and not practising:
            folder = self._workspace.path
            raise RsitmdError(
                "the campaign has no annotators yet",
                where=folder,
                hint=f"to invite annotators, run: {command_line('annotate', 'invite', folder)}; to"
                f" add one, run: {command_line('annotate', 'users', folder, 'add', 'EMAIL')}; to"
                " admit one after a pilot, run: "
                + command_line("annotate", "pilot", folder, "--admit", "EMAIL"),
            )
        unread = self._unread() if self._options.replan else set()
        if self._options.replan:
            self._report.withdrawn = withdraw(self._workspace, unread)
            self._report.moved = replan(self._workspace, unread)
        self._report.reassigned = reassign_skipped(self._workspace)
        self._assign()
        self._report.superfluous = len(superfluous(self._workspace, unread))
        for person in practising:
            self._fill(self._projects.ensure(person, PILOT))
        for person in people:
            self._fill(self._projects.ensure(person, MAIN))

    def _close_finished_projects(self) -> None:
        """Close the shared project, those of people who left or were refused, and old pilots."""
        people = {p.row for p in taking_part(self._workspace) if p.pilot != REFUSED}
        pilot = current_pilot(self._workspace)
        for project in projects_of(self._workspace.db, self._client.connection.key):
            if project.closed_at is not None:
                continue
            ended = project.kind == PILOT and project.pilot != pilot
            if ended or project.owner not in people:
                self._notify(f"project {project.number} gets no more tasks; its texts are kept")
                self._projects.close(project.row)

    def _close_main_projects_of(self, practising: Sequence[Person]) -> None:
        """Close the main projects of annotators who practise, unless they have written there.

        A text from before the pilot admits its author after the next pull. Texts that were written
        after its start are kept. The images stay assigned to the annotators. A push after they are
        admitted creates a new project.
        """
        new = {person.row: person.email for person in practising}
        for project in projects_of(self._workspace.db, self._client.connection.key):
            if project.closed_at is not None or project.kind != MAIN or project.owner not in new:
                continue
            number, email = project.number, new[project.owner]
            if changed_by_annotations(self._workspace, self._client, project):
                reason = "it has texts that are not pulled. Run pull, then push"
            elif self._client.tasks_with_drafts(number):
                reason = "it has drafts. Ask the annotator to submit them, then run pull and push"
            else:
                self._notify(
                    f"project {number} is closed until {email} is admitted to the campaign"
                )
                self._projects.close(project.row)
                continue
            self._notify(f"project {number} of {email}, who is not admitted, stays open: {reason}")

    def _unread(self) -> set[int]:
        """Return the tasks (rows) with a text that is not pulled; store which have drafts."""
        db = self._workspace.db
        known = projects_of(db, self._client.connection.key)
        found = set()
        for project in projects_there(self._workspace, self._client, known, warn=False):
            if project.closed_at is not None or project.kind != MAIN:
                continue
            tasks = known_tasks(db, project.row)
            drafts = self._client.tasks_with_drafts(project.number)
            with self._workspace.transaction():
                set_tasks_with_drafts(db, project.row, drafts)
            changed = changed_by_annotations(self._workspace, self._client, project)
            found |= {tasks[number].row for number in changed if number in tasks}
        return found

    def _assign(self) -> None:
        """Assign the images that need annotators."""
        needs = wanting(self._workspace, self._options.order, self._options.category)
        if self._options.limit is not None:
            # An interrupted push may have assigned images without sending them.
            unsent = count_assigned_without_task(self._workspace.db)
            needs = needs[: max(0, self._options.limit - unsent)]
        missing = sum(need.missing for need in needs)
        self._report.short = missing - assign(self._workspace, needs)

    def _practising(self) -> list[Person]:
        """Return the annotators who caption the images of the pilot."""
        if not pilot_images(self._workspace):
            return []
        return [person for person in taking_part(self._workspace) if person.pilot is None]

    def _fill(self, project: Project) -> None:
        """Send a project its missing tasks, new data for the others, and its labeling page."""
        tasks = self._tasks_of(project)
        found, missing = tasks.find(self._images_for(project))
        self._report.adopted_tasks += tasks.reconciled.adopted
        self._report.removed_tasks += tasks.reconciled.removed
        self._report.deletions += tasks.reconciled.deletions
        if project.owner is None:
            missing = self._selected(missing)
        images = self._content.images
        self._content.prepare([*missing, *(images[row] for row in tasks.known())])
        open_folder(self._workspace, self._client, project.number)
        self._report.copied_tasks += delete_copies(
            self._workspace, self._client, project.row, project.number, tasks.keys()
        )
        closed, kept = close_removed(self._workspace, self._client, project.row, project.number)
        self._report.closed_tasks += closed
        self._report.removed_with_texts += kept
        self._report.found += found
        self._report.known += len(tasks.known()) - found
        if project.new_page:
            # The server refuses a page and tasks whose fields differ: known tasks get the fields of
            # the new page, then it is sent, then new tasks.
            self._update(tasks)
            if not self._send_page(project):
                self._fill(self._projects.ensure(project.owner, project.kind))
                return
            tasks = self._tasks_of(project)
        with progress("push", len(missing)) as step:
            tasks.send(missing, BATCH, step)
        self._report.new += len(missing)
        self._update(tasks)
        # Tasks of a project that is closed because of its page are not shown again.
        self._report.shown_again += show_again(self._workspace, self._client, project)
        self._report.projects.append(
            {
                "id": project.number,
                "annotator": None if project.owner is None else project.owner.email,
                "kind": project.kind,
                "url": f"{self._client.connection.page}/projects/{project.number}/data",
            }
        )

    def _update(self, tasks: Tasks) -> None:
        """Send new data to tasks, also those that were sent just now: they can have notes."""
        self._report.changed += tasks.update(self._content.images, self._notify)
        self._report.changed_pictures += tasks.pictures
        self._report.other_notes += tasks.other_notes

    def _tasks_of(self, project: Project) -> Tasks:
        return Tasks(
            self._workspace,
            self._client,
            project.row,
            project.number,
            self._content.data_for(project.kind),
        )

    def _send_page(self, project: Project) -> bool:
        """Send the configured labeling page; close the project if the page does not fit its texts.

        Returns:
            False if the project is closed and another one has to take its place.
        """
        changed = f"The labeling page of project {project.number} was changed on the server."
        hidden = self._projects.hidden_fields(project)
        kept = (
            f"texts in fields that the configured labeling page does not have ({', '.join(hidden)})"
            if hidden
            else self._projects.other_sentences(project)
        )
        if kept:
            self._notify(
                (f"{changed} " if project.changed_page else "")
                + f"Project {project.number} has {kept}: it is closed and its texts are kept; a new"
                " project takes its place."
            )
            self._projects.close(project.row)
            return False
        self._notify(
            f"{changed} It is restored."
            if project.changed_page
            else f"project {project.number} gets the configured labeling page"
        )
        self._projects.send_page(project)
        if project.changed_page:
            self._report.restored_pages.append(project.number)
        return True

    def _images_for(self, project: Project) -> list[TaskImage]:
        """Return the images that a project should have, in the order of its queue."""
        images = self._content.images
        if project.kind == PILOT:
            return [images[image.row] for image in pilot_images(self._workspace)]
        if project.owner is not None:
            return [images[row] for row in images_to_send(self._workspace.db, project.owner.row)]
        rows = {need.image for need in wanting(self._workspace)}
        rows |= {task.image for task in tasks_of(self._workspace.db, project.row)}
        rows -= self._content.removed
        return [image for row, image in images.items() if row in rows]

    def _selected(self, missing: Sequence[TaskImage]) -> list[TaskImage]:
        """Return the images that the options select for the shared project, in their order."""
        by_row = {image.row: image for image in missing}
        needs = wanting(self._workspace, self._options.order, self._options.category)
        selected = [by_row[need.image] for need in needs if need.image in by_row]
        return selected[: self._options.limit]

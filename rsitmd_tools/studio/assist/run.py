"""``annotate assist``: connects the backend to projects and processes their changes."""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import re
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from rsitmd_tools.annotation_templates import CAPTION, HINT, KEYWORDS
from rsitmd_tools.atomic import write_json
from rsitmd_tools.errors import RsitmdError, command_line, reason
from rsitmd_tools.studio.api.calls import Refused
from rsitmd_tools.studio.api.client import Client, server_time
from rsitmd_tools.studio.api.connection import connection_of
from rsitmd_tools.studio.assist.adviser import Adviser
from rsitmd_tools.studio.assist.announcement import Announcement
from rsitmd_tools.studio.assist.backend import HOST, PREFIX, VERSION, Backend
from rsitmd_tools.studio.assist.suggest import offer_more, suggest_ahead
from rsitmd_tools.studio.sync.changed_tasks import OVERLAP, now_on
from rsitmd_tools.studio.sync.identity import KEY, key_of, projects_there
from rsitmd_tools.studio.sync.results import ParsedResult, annotations_of, parse_result
from rsitmd_tools.studio.sync.task_data import OtherTask, change_data
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.projects import open_projects

TITLE = "rsitmd assist"
STATE = "assist.json"
NOT_FOUND = 404
PROJECTS_SECONDS = 10.0  # between two looks at the projects
log = logging.getLogger(__name__)


class Assist:
    """The assist of a campaign; a context manager that runs while it is open.

    The file ``studio/assist.json`` of the workspace records which changes were processed. At the
    next start, later changes are processed first.

    Args:
        folder: The workspace.
        port: The port; a free one by default.

    Raises:
        RsitmdError: Nothing was pushed, the port is in use, the server is unreachable, or it
            refuses URLs on this machine (see ``serve --assist``).
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self._folder = folder
        with Workspace.open(folder) as workspace:
            self._client = Client(connection_of(workspace))
            known = open_projects(workspace.db, self._client.connection.key)
            there = projects_there(workspace, self._client, known)
            self._projects = [project.number for project in there]
            self._studio = workspace.studio
            self._state = self._studio / STATE
            self.adviser = Adviser(workspace.settings)
        if not self._projects:
            raise RsitmdError(
                "has no project on this server",
                where=folder,
                hint="run: " + command_line("annotate", "push", folder),
            )
        try:
            self.backend = Backend(self.predict, port or 0)
        except OSError:
            raise RsitmdError(
                "another program uses this port",
                where=f"127.0.0.1:{port}",
                hint="use another port with --port",
            ) from None
        self._names: dict[int, str] = {}
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._stale: set[int] = set()  # projects whose suggestions may change
        self._tasks: dict[int, set[int]] = {}  # known tasks of each project, by number
        self.hinted = 0

    def __enter__(self) -> Self:
        self.adviser.warm()
        self._thread(self.backend.serve_forever)
        try:
            for project in self._projects:
                self._connect(project)
            self.catch_up(self._projects)
        except BaseException:
            self.__exit__()
            raise
        self._thread(self._follow)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self.backend.stop()
        for thread in self._threads:
            thread.join()

    def predict(self, task: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
        """Return a prediction, in the server's form, with keywords for a task and its sentences."""
        data = task.get("data") if isinstance(task.get("data"), dict) else {}
        written = parse_result(context.get("result") or [])
        sentences = [raw for _, raw in written.sentences]
        words = self.adviser.keywords(str((data or {}).get("category", "")), sentences)
        result = {
            "from_name": KEYWORDS,
            "to_name": "image",
            "type": "textarea",
            "value": {"text": words},
        }
        return {"result": [result], "score": 0.5, "model_version": VERSION}

    def catch_up(self, projects: Sequence[int]) -> None:
        """Read all annotations of projects; show hints for those that changed since the last run.

        Args:
            projects: Numbers of the projects on the server.
        """
        seen = self._read()
        changed = []
        for project in projects:
            now = now_on(self._client)
            last = seen.get(str(project), "")
            if last > now:  # a clock has been set back since the last run
                last = ""
            newest = last
            # Events of the same time arrive in any order, and the clock may step back.
            since = last and server_time(datetime.fromisoformat(last) - OVERLAP)
            for page in self._client.pages(project):
                self._tasks.setdefault(project, set()).update(int(task.id) for task in page)
                for task in page:
                    category = str((task.data or {}).get("category", ""))
                    for entry in annotations_of(task):
                        self._learn(task, category, entry)
                        when = server_time(entry["updated_at"])
                        if when > since:
                            changed.append((int(task.id), entry, task.data or {}))
                        newest = max(newest, when)
            seen[str(project)] = min(newest, now)  # a clock that is ahead gives later times
        for task_id, entry, data in changed:
            if self._hint_of(entry, data) != data.get(HINT):
                self._hint(task_id, str(data.get(KEY, "")), entry)
        for project in projects:
            suggest_ahead(self._client, self._studio, project, self.adviser)
        write_json(self._state, seen)

    def _open_projects(self, workspace: Workspace) -> list[int]:
        """Return the numbers of the open projects on the server."""
        projects = open_projects(workspace.db, self._client.connection.key)
        return [project.number for project in projects]

    def _look_at_projects(self) -> None:
        """Forget the projects that were deleted on the server; connect to those that are new."""
        listed = self._client.call(lambda: list(self._client.sdk.projects.list(include="id")))
        there = {int(entry.id) for entry in listed}
        for project in [n for n in self._projects if n not in there]:
            self.adviser.forget_tasks(self._tasks.pop(project, set()))
            self._projects.remove(project)
            self._stale.discard(project)
        with Workspace.open(self._folder) as workspace:
            known = self._open_projects(workspace)
        for project in [n for n in known if n in there and n not in self._projects]:
            self._connect(project)
            self._projects.append(project)
            self.catch_up([project])

    def _connect(self, project: int) -> None:
        """Register the backend in a project at its current URL, and remove earlier ones."""
        there = self._client.call(self._client.sdk.ml.list, project=project)
        own = [entry for entry in there if entry.title == TITLE]
        known = {f"{entry.url}/webhook" for entry in own}  # created by the server
        hooks = self._client.call(self._client.sdk.webhooks.list, project=str(project))
        # Hooks of earlier runs. Delete backends after their hooks, which they identify.
        for hook in hooks:
            if hook.url in known or _is_of_an_assist(str(hook.url)):
                self._client.call(self._client.sdk.webhooks.delete, id=hook.id)
        for entry in own:
            self._client.call(self._client.sdk.ml.delete, id=entry.id)
        try:
            self._client.call(
                self._client.sdk.ml.create,
                safe=False,
                project=project,
                url=self.backend.url,
                title=TITLE,
                timeout=5.0,
            )
        except RsitmdError as error:
            raise RsitmdError(
                f"the server refused the assist ({error.what})",
                where=self._client.connection.url,
                hint="stop the server and run: "
                + command_line("annotate", "serve", self._studio.parent, "--assist"),
            ) from error

    def _follow(self) -> None:
        """Process the events of the server, in order, and look at the projects."""
        looked = time.monotonic()
        while not self._stop.is_set():
            try:
                event = self.backend.events.get(timeout=0.2)
            except queue.Empty:
                event = None
            try:
                if event is not None:
                    self._event(event)
                elif self._stale:  # hints first; suggestions once per batch of events
                    suggest_ahead(self._client, self._studio, self._stale.pop(), self.adviser)
                if time.monotonic() - looked > PROJECTS_SECONDS:
                    looked = time.monotonic()
                    self._look_at_projects()
            except Exception as error:
                # A malformed event or a server restart must not stop the assist.
                log.warning("a change on the server was not processed: %s", reason(error))
                log.debug("event not processed", exc_info=True)

    def _event(self, event: Announcement) -> None:
        for task in sorted(event.tasks | self.adviser.tasks_of(event.annotations)):
            self._reread(task, event.annotations)

    def _reread(self, number: int, announced: Collection[int]) -> None:
        """Read a task of these projects from the server and update its hints.

        Args:
            number: Number of the task, from an event.
            announced: Numbers of changed annotations; those of other tasks are ignored.
        """
        try:
            task = self._client.call(self._client.sdk.tasks.get, id=str(number))
        except Refused as error:
            if error.status != NOT_FOUND:
                raise
            self.adviser.forget_tasks([number])
            return
        project = int(task.project)
        if project not in self._projects:
            return
        entries = {int(entry["id"]): entry for entry in annotations_of(task)}
        for annotation in sorted(self.adviser.annotations_of(number) - set(entries)):
            author = self.adviser.author_of(annotation)
            self.adviser.forget(annotation)
            if author and not any(_author(entry) == author for entry in entries.values()):
                deleted = {"id": annotation, "completed_by": author, "was_cancelled": True}
                self._hint(number, key_of(task), deleted)
        self._tasks.setdefault(project, set()).add(number)
        category = str((task.data or {}).get("category", ""))
        seen = self._read()
        for annotation in sorted(set(entries) & set(announced)):
            entry = entries[annotation]
            self._learn(task, category, entry)
            self._hint(number, key_of(task), entry)
            when = server_time(entry["updated_at"])
            seen[str(project)] = max(seen.get(str(project), ""), when)
        self._stale.add(project)
        write_json(self._state, seen)

    def _learn(self, task: Any, category: str, entry: dict[str, Any]) -> None:
        """Add an annotation of a task. Forget one that was skipped: its text is discarded."""
        if entry.get("was_cancelled"):
            self.adviser.forget(int(entry["id"]))
        else:
            number, author = int(entry["id"]), _author(entry)
            self.adviser.learn(
                key_of(task), number, category, _written(entry), int(task.id), author
            )

    def _hint(self, task: int, key: str, entry: dict[str, Any]) -> None:
        """Write the hints about an annotation to its task.

        They are removed after a correction, and if the annotation was skipped or deleted.
        """
        sentences = [raw for _, raw in _written(entry).sentences]

        def hinted(data: Mapping[str, Any]) -> dict[str, Any]:
            skipped = bool(entry.get("was_cancelled"))
            new = dict(data) if skipped else offer_more(data, self.adviser, sentences)
            hint = self._hint_of(entry, data)
            if hint is not None and hint != data[HINT]:
                new[HINT] = hint
                self.hinted += bool(hint)
            return new

        with contextlib.suppress(OtherTask):  # deleted in the meantime
            change_data(self._client, self._studio, task, key, hinted)

    def _hint_of(self, entry: dict[str, Any], data: Mapping[str, Any]) -> str | None:
        """Return the hint text of a task; None if its page shows no hints."""
        if HINT not in data:
            return None
        key, category = str(data.get(KEY, "")), str(data.get("category", ""))
        written = _written(entry)
        given = {slot: str(data.get(f"{CAPTION}{slot}", "")) for slot, _ in written.sentences}
        found = self.adviser.hints(key, entry["id"], category, written, given)
        name = self._name(_author(entry))
        # In a shared project, each annotator has a line.
        others = [
            line for line in str(data[HINT]).splitlines() if not line.startswith(f"For {name}: ")
        ]
        return "\n".join([*others, *([f"For {name}: {'; '.join(found)}"] if found else [])])

    def _name(self, number: int) -> str:
        """Return the address of an account; a general name if it was removed."""
        if number not in self._names:  # it may be newer than the last list
            self._names |= {n: user.email for n, user in self._client.users().items()}
        return self._names.setdefault(number, "the annotator")

    def _read(self) -> dict[str, str]:
        try:
            seen = json.loads(self._state.read_text())
            return {str(k): server_time(v) for k, v in seen.items() if v}
        except (OSError, ValueError, AttributeError):
            return {}

    def _thread(self, target: Any) -> None:
        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        self._threads.append(thread)


def _author(entry: Mapping[str, Any]) -> int:
    """Return the number of the account that wrote an annotation; 0 if it was removed."""
    author = entry.get("completed_by")
    return int((author.get("id") if isinstance(author, dict) else author) or 0)


def _written(entry: Mapping[str, Any]) -> ParsedResult:
    """Return the texts of an annotation; none if it was skipped."""
    return parse_result([] if entry.get("was_cancelled") else entry.get("result") or [])


def _is_of_an_assist(url: str) -> bool:
    """Return whether a URL belongs to an assist on the server's machine."""
    return re.match(rf"http://{re.escape(HOST)}:\d+{re.escape(PREFIX)}", url) is not None

"""Client of the server's API: tasks, accounts and what else this tool reads and sends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NamedTuple

from rsitmd_tools.studio.api.calls import Caller, Refused

CHUNK = 300  # task numbers in one URL: proxies accept about 8000 characters
# Server versions (major.minor) that this tool was tested with.
KNOWN_VERSIONS = ("1.23",)


class Account(NamedTuple):
    """An account on the server; ``joined`` is its creation time by the server's clock."""

    email: str
    name: str
    joined: str


class Client(Caller):
    """The calls that this tool makes to a Label Studio server."""

    def pages(
        self,
        project: int,
        *,
        since: str | None = None,
        only: Sequence[int] | None = None,
        annotations: bool = True,
        size: int = 200,
    ) -> Iterator[list[Any]]:
        """Yield the tasks of a project, page by page, in the order of their numbers.

        Each page contains the tasks after the last one seen. Pages by offset would skip a task if
        an earlier task is deleted in the meantime.

        Args:
            project: The project's number on the server.
            since: Only tasks that changed after this time (ISO 8601); None for all.
            only: Only the tasks with these numbers, in this order; None for all.
            annotations: Whether the tasks include their annotations.
            size: Tasks per page; the server may send fewer.
        """
        changed = [] if since is None else [_filter("updated_at", "Datetime", since)]
        if only is not None:
            for first in range(0, len(only), size):
                chosen = list(only[first : first + size])
                selected = {"all": False, "included": chosen}
                yield from self._pages(project, [], {"selectedItems": selected}, annotations, size)
            return
        yield from self._pages(project, changed, {}, annotations, size)

    def existing(self, project: int, numbers: Sequence[int]) -> set[int]:
        """Return which of these tasks exist in a project.

        Usually all of them exist, so the server first only counts them, chunk by chunk.

        Args:
            project: The project's number on the server.
            numbers: Numbers of tasks.
        """
        found: set[int] = set()
        for first in range(0, len(numbers), CHUNK):
            chunk = list(numbers[first : first + CHUNK])
            selected = {"selectedItems": {"all": False, "included": chunk}}
            answer = self._task_page(project, selected, size=1)
            if answer["total"] == len(chunk):
                found.update(chunk)
                continue
            for page in self.pages(project, only=chunk, annotations=False, size=CHUNK):
                found.update(int(task.id) for task in page)
        return found

    def annotation_numbers(self, project: int, *, size: int = 1000) -> dict[int, set[int]]:
        """Return the numbers of a project's annotations by the number of their task.

        Skipped annotations are included; tasks without annotations are not.

        Args:
            project: The project's number on the server.
            size: Tasks per request.
        """
        found: dict[int, set[int]] = {}
        last = 0
        while True:
            # The server sends the numbers only if a filter uses them.
            items = [_filter("id", "Number", last), _filter("annotations_ids", "Number", 0)]
            query = {
                "ordering": ["tasks:id"],
                "filters": {"conjunction": "and", "items": items},
            }
            tasks = self._task_page(project, query, size)["tasks"]
            if not tasks:
                return found
            for task in tasks:
                numbers = re.findall(r"\d+", task["annotations_ids"])
                found.setdefault(int(task["id"]), set()).update(map(int, numbers))
            last = int(tasks[-1]["id"])

    def tasks_with_drafts(self, project: int) -> set[int]:
        """Return the numbers of a project's tasks that have a draft of anybody.

        Args:
            project: The project's number on the server.
        """
        has_draft = {
            "filter": "filter:tasks:draft_exists",
            "operator": "equal",
            "type": "Boolean",
            "value": True,
        }
        pages = self._pages(project, [has_draft], {}, annotations=False, size=1000)
        return {int(task.id) for page in pages for task in page}

    def _task_page(self, project: int, query: Mapping[str, Any], size: int) -> Any:
        """Return the first page of the tasks that match a query, without their annotations."""
        return self.get(
            "api/tasks",
            project=project,
            fields="task_only",
            query=json.dumps(query, separators=(",", ":")),
            page=1,
            page_size=size,
            resolve_uri="false",
        )

    def _pages(
        self,
        project: int,
        filters: list[dict[str, Any]],
        more: dict[str, Any],
        annotations: bool,
        size: int,
    ) -> Iterator[list[Any]]:
        last = seen = 0
        chosen = more.get("selectedItems", {}).get("included")
        while chosen is None or seen < len(chosen):
            items = [_filter("id", "Number", last), *filters]
            query = {
                "ordering": ["tasks:id"],
                "filters": {"conjunction": "and", "items": items},
                **more,
            }
            page = self.call(
                self.sdk.tasks.list,
                project=project,
                fields="all" if annotations else "task_only",
                query=json.dumps(query),
                page=1,
                page_size=size,
                resolve_uri=False,
            )
            tasks = list(page.items or [])
            if not tasks:
                return
            yield tasks
            last = int(tasks[-1].id)
            seen += len(tasks)

    def upload(self, project: int, files: Mapping[str, bytes]) -> None:
        """Upload files to a project without creating tasks.

        Args:
            project: The project's number on the server.
            files: Content by file name.
        """
        self.post(
            f"api/projects/{project}/import",
            files={name: (name, content, "image/png") for name, content in files.items()},
            commit_to_project="false",
        )

    def written_fields(self, project: int) -> set[str]:
        """Return the names of the fields with annotations in a project."""
        summary: Any = self.get(f"api/projects/{project}/summary/")
        # Keys have the form name|image|type.
        return {str(key).partition("|")[0] for key in summary.get("created_annotations") or {}}

    def users(self) -> dict[int, Account]:
        """Return all accounts by number, without removed accounts."""
        return {
            user.id: Account(
                str(user.email or ""),
                f"{user.first_name or ''} {user.last_name or ''}".strip(),
                server_time(user.date_joined),
            )
            for user in self.call(self.sdk.users.list)
            if "@" in str(user.email or "")  # removed accounts are called "Deleted"
        }

    def own_number(self) -> int:
        """Return the number of the account that the token belongs to.

        Raises:
            RsitmdError: The server is unreachable, refuses, or is not Label Studio.
        """
        return int(self._answer("api/current-user/whoami", "id", int))

    def check(self) -> str:
        """Check the URL and the token; return the server's version.

        Raises:
            RsitmdError: The server is unreachable, refuses, or is not Label Studio.
        """
        self.own_number()
        return str(self._answer("api/version/", "release", str))

    def _answer(self, path: str, field: str, kind: type) -> Any:
        """Return a field of the answer to a request; the SDK would accept any JSON object."""
        try:
            answer = self.get(path)
        except Refused as error:
            raise self.other_server() if error.status == HTTPStatus.NOT_FOUND else error from None
        value = answer.get(field) if isinstance(answer, dict) else None
        if not isinstance(value, kind):
            raise self.other_server()
        return value


def _filter(field: str, kind: str, value: Any) -> dict[str, Any]:
    return {
        "filter": f"filter:tasks:{field}",
        "operator": "greater",
        "type": kind,
        "value": value,
    }


def server_time(value: Any) -> str:
    """Return a server time as ISO 8601 in UTC with microseconds, so that strings compare."""
    when = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return when.astimezone(UTC).isoformat(timespec="microseconds")

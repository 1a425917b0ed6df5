"""The tasks of a Label Studio server in memory, as far as push and pull use them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from rsitmd_tools.studio.api.client import Account, server_time
from tests.builders import WHEN


@dataclass
class MemoryServer:
    """A server with tasks of one project.

    Attributes:
        tasks: The tasks by number.
        changed: Numbers of the tasks that were changed, in order.
        overlap: Annotators for each task.
        drafts: Numbers of the tasks with a draft.
        page: The labeling page of the project.
        ahead: By how many seconds the clock of the server is ahead.
    """

    overlap: int = 1
    tasks: dict[int, Any] = field(default_factory=dict)
    changed: list[int] = field(default_factory=list)
    drafts: set[int] = field(default_factory=set)
    page: str = ""
    ahead: float | None = None

    def __post_init__(self) -> None:
        self.connection = SimpleNamespace(key="here", url="http://here", page="http://here")
        self.sdk = SimpleNamespace(
            tasks=SimpleNamespace(get=self._get, update=self._update),
            projects=SimpleNamespace(
                import_tasks=self._import,
                get=self._project,
                list=lambda **options: [SimpleNamespace(id=1, created_at=WHEN)],
            ),
        )

    def write(self, task: int, result: list[Any], at: str, author: int = 2) -> None:
        """Store the annotation of an account for a task, or change it.

        Args:
            task: Number of the task.
            result: What the account wrote.
            at: The time that the clock of the server shows.
            author: Number of the account.
        """
        entry = self.tasks[task]
        number = 100 * task + author
        old = next((one for one in entry.annotations if one["id"] == number), {"created_at": at})
        changed = {
            **old,
            "id": number,
            "updated_at": at,
            "completed_by": author,
            "updated_by": author,
            "result": result,
        }
        entry.annotations = [one for one in entry.annotations if one is not old] + [changed]
        entry.updated_at = at

    def own_number(self) -> int:
        return 1

    def users(self) -> dict[int, Account]:
        emails = ("lead@x.org", "anna@x.org", "berta@x.org")
        return {number: Account(email, "", WHEN) for number, email in enumerate(emails, 1)}

    def existing(self, project: int, numbers: Sequence[int]) -> set[int]:
        return {number for number in numbers if number in self.tasks}

    def annotation_numbers(self, project: int) -> dict[int, set[int]]:
        return {
            number: {one["id"] for one in task.annotations}
            for number, task in self.tasks.items()
            if task.annotations
        }

    def call(self, function: Callable[..., Any], **arguments: Any) -> Any:
        return function(**arguments)

    def make(self, send: Callable[[], Any], find: Callable[[], Any]) -> Any:
        return send()

    def tasks_with_drafts(self, project: int) -> set[int]:
        return set(self.drafts)

    def pages(
        self,
        project: int,
        *,
        only: Sequence[int] | None = None,
        since: str | None = None,
        **options: Any,
    ) -> Iterator[list[Any]]:
        yield [
            task
            for n, task in sorted(self.tasks.items())
            if (only is None or n in only)
            and (since is None or server_time(task.updated_at) > server_time(since))
        ]

    def _project(self, id: int) -> Any:  # noqa: A002 - as in the SDK
        return SimpleNamespace(
            created_at=WHEN,
            label_config=self.page,
            total_annotations_number=sum(map(len, self.annotation_numbers(id).values())),
        )

    def _import(self, request: Sequence[Any], **options: Any) -> Any:
        numbers = list(itertools.islice(itertools.count(len(self.tasks) + 1), len(request)))
        for number, entry in zip(numbers, request, strict=True):
            self.tasks[number] = SimpleNamespace(
                id=number,
                data=dict(entry["data"]),
                updated_at=WHEN,
                overlap=self.overlap,
                is_labeled=False,
                annotations=[],
            )
        return SimpleNamespace(task_ids=numbers)

    def _get(self, **options: Any) -> Any:
        return self.tasks[int(options["id"])]

    def _update(self, **values: Any) -> Any:
        number = int(values.pop("id"))
        vars(self.tasks[number]).update(values)
        self.changed.append(number)
        return self.tasks[number]

"""The tasks of a Label Studio server in memory, as far as a push reads and changes them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from tests.builders import WHEN


@dataclass
class MemoryServer:
    """A server with tasks of one project.

    Attributes:
        tasks: The tasks by number.
        changed: Numbers of the tasks that were changed, in order.
        overlap: Annotators for each task.
    """

    overlap: int = 1
    tasks: dict[int, Any] = field(default_factory=dict)
    changed: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.connection = SimpleNamespace(key="here", url="http://here", page="http://here")
        self.sdk = SimpleNamespace(
            tasks=SimpleNamespace(get=self._get, update=self._update),
            projects=SimpleNamespace(import_tasks=self._import),
        )

    def call(self, function: Callable[..., Any], **arguments: Any) -> Any:
        return function(**arguments)

    def make(self, send: Callable[[], Any], find: Callable[[], Any]) -> Any:
        return send()

    def pages(
        self, project: int, *, only: Sequence[int] | None = None, **options: Any
    ) -> Iterator[list[Any]]:
        yield [task for n, task in sorted(self.tasks.items()) if only is None or n in only]

    def _import(self, request: Sequence[Any], **options: Any) -> Any:
        numbers = list(itertools.islice(itertools.count(len(self.tasks) + 1), len(request)))
        for number, entry in zip(numbers, request, strict=True):
            self.tasks[number] = SimpleNamespace(
                id=number,
                data=dict(entry["data"]),
                updated_at=WHEN,
                overlap=self.overlap,
                is_labeled=False,
            )
        return SimpleNamespace(task_ids=numbers)

    def _get(self, **options: Any) -> Any:
        return self.tasks[int(options["id"])]

    def _update(self, **values: Any) -> Any:
        number = int(values.pop("id"))
        vars(self.tasks[number]).update(values)
        self.changed.append(number)
        return self.tasks[number]

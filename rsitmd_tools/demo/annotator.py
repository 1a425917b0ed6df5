"""A scripted annotator that uses the HTTP API of Label Studio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rsitmd_tools.studio.api.client import Client
from rsitmd_tools.studio.api.connection import Connection
from rsitmd_tools.studio.sync.results import annotations_of, as_result


class Annotator:
    """An annotator with a token of their own."""

    def __init__(self, connection: Connection, token: str) -> None:
        self._client = Client(Connection(connection.key, connection.url, token))
        self.user: int = self._client.call(self._client.sdk.users.whoami).id

    def done(self, project: int) -> set[int]:
        """Return the tasks this annotator has annotated already."""
        return {
            int(task.id)
            for page in self._client.pages(project)
            for task in page
            if any(author_of(annotation) == self.user for annotation in annotations_of(task))
        }

    def submit(self, task: int, sentences: Sequence[str], keywords: Sequence[str]) -> None:
        """Submit one annotation. After a connection error, check :meth:`done` first."""
        self._client.call(
            self._client.sdk.annotations.create,
            safe=False,
            id=task,
            result=as_result(sentences, keywords),
        )


def author_of(annotation: Mapping[str, Any]) -> int | None:
    """Return the number of an annotation's author, which can be inside an object."""
    author = annotation.get("completed_by")
    return author.get("id") if isinstance(author, dict) else author

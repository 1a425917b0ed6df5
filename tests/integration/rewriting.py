"""Changes of annotations on the server, as an annotator makes them on the page."""

from __future__ import annotations

from collections.abc import Sequence

from rsitmd_tools.demo.annotator import Annotator, author_of
from rsitmd_tools.studio.sync.results import as_result


def rewrite(
    person: Annotator, task: int, sentences: Sequence[str], keywords: Sequence[str]
) -> None:
    """Change an annotator's own annotation of a task."""
    found = person._client.call(person._client.sdk.annotations.list, id=task)
    own = [annotation for annotation in found if author_of(vars(annotation)) == person.user]
    overwrite(person, own[-1].id, sentences, keywords)


def overwrite(
    person: Annotator, annotation: int, sentences: Sequence[str], keywords: Sequence[str]
) -> None:
    """Change any annotation: the server allows this to every member."""
    person._client.call(
        person._client.sdk.annotations.update,
        id=annotation,
        result=as_result(sentences, keywords),
    )

"""D101: the JSON does not fit its schema."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.registry import Place, Subject, rule
from rsitmd_tools.schemas import iter_errors, load_schema


@rule("D101", "schema", "error")
def schema(subject: Subject) -> Iterator[Place]:
    """The file does not fit ``schemas/dataset.schema.json``.

    What this tool reads leniently, other readers may not: a missing ``sentid`` or a
    keyword string breaks the loaders in use.

    Bad: ``{"filename": "port_1.tif", "keywords": "blue sea"}``

    Good: ``{"filename": "port_1.tif", "keywords": ["blue sea"], ...}``

    Fix: read and write it anew with this tool.
    """
    if subject.document is None:
        return
    for error in iter_errors(subject.document, load_schema("dataset")):
        yield Place(f"{error.key}: {error.message}")

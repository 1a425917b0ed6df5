"""D101: the JSON does not fit its schema."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.schemas import iter_errors, load_schema


@rule("D101", "schema", "error")
def schema(subject: Subject) -> Iterator[Violation]:
    """The file does not fit `schemas/dataset.schema.json`.

    What this tool reads leniently, other readers may not: a missing `sentid` or keywords as
    one string break the loaders in use.

    Bad:
        {"filename": "port_1.tif", "keywords": "blue sea"}
    Good:
        {"filename": "port_1.tif", "imgid": 0, "keywords": ["blue sea"], ...}
    Fix:
        Read and write it anew: `rsitmd build convert SRC DST --to rsitmd`.
    """
    if subject.document is None:
        return
    for error in iter_errors(subject.document, load_schema("dataset")):
        yield Violation(f"{error.key}: {error.message}")

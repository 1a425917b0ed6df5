"""D101: the JSON does not match its schema."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.schemas import iter_errors, load_schema


@rule("D101", "schema", "error")
def schema(subject: Subject) -> Iterator[Violation]:
    """The file does not match `schemas/dataset.schema.json`.

    This tool reads such files, but other loaders fail on them, for example on a missing
    `sentid` or on keywords as one string. Files in the layout of Karpathy have no keywords and are
    not checked, whether the file or its folder is passed.

    Bad:
        {"filename": "port_1.tif", "keywords": "blue sea"}
    Good:
        {"filename": "port_1.tif", "imgid": 0, "keywords": ["blue sea"], ...}
    Fix:
        Convert the file: `rsitmd build convert SRC DST --to rsitmd`.
    """
    if subject.document is None or subject.dataset.format != "rsitmd":
        return
    for error in iter_errors(subject.document, load_schema("dataset")):
        yield Violation(f"{error.key}: {error.message}")

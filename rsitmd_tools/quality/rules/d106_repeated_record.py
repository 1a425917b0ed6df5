"""D106: two records of one image."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("D106", "repeated-record", "error")
def repeated_record(subject: Subject) -> Iterator[Violation]:
    """The same file name has two records in one split.

    A retrieval test then holds the image twice, and counts a right answer as wrong.

    Bad:
        two records "port_1.tif" in train
    Good:
        one record with all its sentences
    Fix:
        Join them.
    """
    seen: set[tuple[str, str | None]] = set()
    for image in subject.dataset:
        key = (image.filename, image.split)
        if key in seen:
            yield Violation("has a second record", image)
        seen.add(key)

"""D106: two records of one image."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("D106", "repeated-record", "error")
def repeated_record(subject: Subject) -> Iterator[Violation]:
    """The same file name has two records in one split.

    The gallery of a retrieval test holds the image twice and counts a correct answer as wrong.

    Bad:
        two records "port_1.tif" in train
    Good:
        one record with all its sentences
    Fix:
        Merge the records.
    """
    seen: set[tuple[str, str | None]] = set()
    for image in subject.dataset:
        key = (image.filename, image.split)
        if key in seen:
            yield Violation("duplicate record", image)
        seen.add(key)

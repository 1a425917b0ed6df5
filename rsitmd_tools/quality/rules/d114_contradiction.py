"""D114: entries of the source files that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("D114", "contradiction", "warning")
def contradiction(subject: Subject) -> Iterator[Violation]:
    """Entries of the source files contradict each other, and only one of them is used.

    In some formats the captions of an image are spread over several entries. The first entry
    decides on its category. Other loaders can decide otherwise, or lose captions whose ids are
    used twice.

    Bad:
        two annotations with id 7 in a COCO file; an image of the category "port" in one line of a
        table and "river" in the next; shards 0 and 2 without shard 1
    Good:
        each id once; the same category in all entries of an image
    Fix:
        Correct the file, or convert it: `rsitmd build convert SRC DST --to F` writes new ids.
    """
    for note in subject.dataset.notes:
        yield Violation(note)

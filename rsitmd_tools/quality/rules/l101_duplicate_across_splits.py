"""L101: the same picture in two splits."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("L101", "duplicate-across-splits", "error")
def duplicate_across_splits(subject: Subject) -> Iterator[Violation]:
    """An image has the very pixels of an image in another split, turned or flipped perhaps.

    A model that remembers it in training knows the answer in the test.

    Bad:
        beach_3.tif in train and beach_8.tif, the same pixels, in test
    Good:
        both in train
    Fix:
        Split anew with `rsitmd build split`, or take one out.
    """
    yield from across_splits(subject, exact=True)


def across_splits(subject: Subject, *, exact: bool) -> Iterator[Violation]:
    """Yield the pairs of twins that stand in two splits, at the later image."""
    for pair in subject.near_duplicates:
        if pair.exact is exact:
            first, second = subject.pictures[pair.first].image, subject.pictures[pair.second].image
            if first.split != second.split and None not in (first.split, second.split):
                same = "is the same picture as" if exact else "looks like"
                yield Violation(f"{same} {first.filename} in {first.split}", second)

"""L101: the same picture in two splits."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("L101", "duplicate-across-splits", "error")
def duplicate_across_splits(subject: Subject) -> Iterator[Violation]:
    """An image has the same pixels as an image in another split, possibly rotated or flipped.

    A model that saw the image in training knows the answer in the test.

    Bad:
        beach_3.tif in train and beach_8.tif, the same pixels, in test
    Good:
        both in train
    Fix:
        Run `rsitmd build split` again, or remove one of them.
    """
    yield from across_splits(subject, exact=True)


def across_splits(subject: Subject, *, exact: bool) -> Iterator[Violation]:
    """Yield the pairs of duplicates in two splits, at the later image."""
    for pair in subject.near_duplicates:
        if pair.exact is exact:
            first, second = subject.pictures[pair.first].image, subject.pictures[pair.second].image
            if first.split != second.split and None not in (first.split, second.split):
                same = "duplicate of" if exact else "similar to"
                yield Violation(f"{same} {first.filename} in {first.split}", second)

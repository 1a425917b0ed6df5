"""I106: the same picture under two names."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.near_duplicates import firsts
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("I106", "duplicate-image", "warning")
def duplicate_image(subject: Subject) -> Iterator[Violation]:
    """An image has the very pixels of another one, turned or flipped perhaps.

    UC Merced's images 102 and 103 are one picture. Each copy in a gallery is an answer that
    is right and counts as wrong. Copies in two splits are reported by
    `duplicate-across-splits` too.

    Bad:
        beach_3.tif and beach_8.tif with equal pixels
    Good:
        one record with all its sentences
    Fix:
        Keep one.
    """
    for pair in firsts([pair for pair in subject.near_duplicates if pair.exact]):
        first, second = subject.pictures[pair.first].image, subject.pictures[pair.second].image
        yield Violation(f"is the same picture as {first.filename}", second)

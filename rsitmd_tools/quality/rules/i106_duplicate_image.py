"""I106: the same picture under two names."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.imaging.pairs import most_similar
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("I106", "duplicate-image", "warning")
def duplicate_image(subject: Subject) -> Iterator[Violation]:
    """An image has the same pixels as another one, possibly rotated or flipped.

    Images 102 and 103 of UC Merced are the same picture. In a gallery, each copy is a correct
    answer that counts as wrong. Copies in two splits are also reported by
    `duplicate-across-splits`.

    Bad:
        beach_3.tif and beach_8.tif with equal pixels
    Good:
        one record with all its sentences
    Fix:
        Keep one of them.
    """
    for pair in most_similar([pair for pair in subject.near_duplicates if pair.exact]):
        first, second = subject.pictures[pair.first].image, subject.pictures[pair.second].image
        yield Violation(f"duplicate of {first.filename}", second)

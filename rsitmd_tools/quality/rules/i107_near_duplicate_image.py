"""I107: nearly the same picture under two names."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.near_duplicates import firsts
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("I107", "near-duplicate-image", "info")
def near_duplicate_image(subject: Subject) -> Iterator[Violation]:
    """An image is nearly the same as another one, possibly rotated or flipped.

    Their perceptual hashes differ in at most `near_duplicate_distance` bits (6 of 64, in
    `[split]`) and their thumbnails correlate. The rule finds the same place at another date or
    in another compression. `rsitmd build split` keeps such images in one split.

    Bad:
        stadium_7.tif, and stadium_9.tif, the same picture saved as JPEG
    Good:
        two different stadiums
    Fix:
        Keep one of them, or put both into one split.
    """
    for pair in firsts([pair for pair in subject.near_duplicates if not pair.exact]):
        first, second = subject.pictures[pair.first].image, subject.pictures[pair.second].image
        yield Violation(f"similar to {first.filename} (similarity {pair.similarity:.2f})", second)

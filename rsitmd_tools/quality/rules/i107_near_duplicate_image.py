"""I107: nearly the same picture under two names."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.imaging.pairs import most_similar
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("I107", "near-duplicate-image", "info")
def near_duplicate_image(subject: Subject) -> Iterator[Violation]:
    """An image is nearly the same as another one, possibly rotated or flipped.

    It is the same picture in another compression, with other colours, or slightly cropped. The
    perceptual hashes of candidates differ in at most `near_duplicate_distance` of 64 bits (in
    `[split]`); then their pixels are registered and compared. Images without texture, such as
    plain sea, are only duplicates if their pixels are equal. `rsitmd build split` keeps duplicates
    in one split.

    Bad:
        stadium_7.tif, and stadium_9.tif, the same picture saved as JPEG
    Good:
        two different stadiums
    Fix:
        Keep one of them, or put both into one split.
    """
    for pair in most_similar([pair for pair in subject.near_duplicates if not pair.exact]):
        first, second = subject.pictures[pair.first].image, subject.pictures[pair.second].image
        yield Violation(f"similar to {first.filename} (similarity {pair.similarity:.2f})", second)

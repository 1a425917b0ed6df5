"""L102: nearly the same picture in two splits."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.rules.l101_duplicate_across_splits import across_splits
from rsitmd_tools.quality.subject import Subject


@rule("L102", "near-duplicate-across-splits", "warning")
def near_duplicate_across_splits(subject: Subject) -> Iterator[Violation]:
    """An image is nearly the same as an image in another split.

    Similarity is measured as in `near-duplicate-image`. It is leakage, but less certain than an
    exact copy.

    Bad:
        a stadium in train, and the same one a year later in test
    Good:
        both in one split
    Fix:
        Run `rsitmd build split` again, which keeps such images together.
    """
    yield from across_splits(subject, exact=False)

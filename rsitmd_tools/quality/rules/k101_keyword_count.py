"""K101: fewer or more keywords than asked."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("K101", "keyword-count", "warning")
def keyword_count(subject: Subject) -> Iterator[Violation]:
    """An image has fewer than one or more than five keywords.

    The numbers are settings of a workspace. A dataset without any keyword (precomp files
    have no place for them) gets one finding, not one an image.

    Bad:
        Two boats lie at the pier.
        keywords: blue sea, red boat, grey pier, white boat, green lawn, - port
    Good:
        Two boats lie at the pier.
        keywords: blue sea, - port
    Fix:
        Have keywords written, or keep the best five.
    """
    asked = subject.settings.annotation
    low, high = asked.keywords_min, asked.keywords_max
    if low and subject.dataset.images and not any(image.keywords for image in subject.dataset):
        yield Violation("the dataset has no keywords at all")
        return
    for image in subject.dataset:
        if not low <= len(image.keywords) <= high:
            yield Violation(f"{len(image.keywords)} keywords instead of {low} to {high}", image)

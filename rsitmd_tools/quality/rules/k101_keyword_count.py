"""K101: fewer or more keywords than expected."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.errors import count_of
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("K101", "keyword-count", "warning")
def keyword_count(subject: Subject) -> Iterator[Violation]:
    """An image has fewer than one or more than five keywords.

    In a workspace, the settings `keywords_min` and `keywords_max` change the numbers. A dataset
    without any keyword, such as a precomp folder, gets one finding instead of one per image.

    Bad:
        Two boats lie at the pier.
        keywords: blue sea, red boat, grey pier, white boat, green lawn, - port
    Good:
        Two boats lie at the pier.
        keywords: blue sea, - port
    Fix:
        Have keywords written, or keep the five best ones.
    """
    expected = subject.settings.annotation
    low, high = expected.keywords_min, expected.keywords_max
    if low and subject.dataset.images and not any(image.keywords for image in subject.dataset):
        yield Violation("the dataset has no keywords")
        return
    for image in subject.dataset:
        if not low <= len(image.keywords) <= high:
            count = count_of(len(image.keywords), "keyword")
            yield Violation(f"has {count}, expected {low} to {high}", image)

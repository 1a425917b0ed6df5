"""K101: fewer or more keywords than asked."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.registry import Place, Subject, rule


@rule("K101", "keyword-count", "warning")
def keyword_count(subject: Subject) -> Iterator[Place]:
    """An image has fewer than one or more than five keywords.

    A dataset without any keyword (a precomp folder) gets one finding, not one an image.

    Bad: no keyword. Good: ``"blue sea", "- port"``.

    Fix: have keywords written, or keep the best five.
    """
    low, high = subject.expected.keywords_min, subject.expected.keywords_max
    if low and not any(image.keywords for image in subject.dataset):
        yield Place("the dataset has no keywords at all")
        return
    for image in subject.dataset:
        if not low <= len(image.keywords) <= high:
            yield Place(f"{len(image.keywords)} keywords instead of {low} to {high}", image)

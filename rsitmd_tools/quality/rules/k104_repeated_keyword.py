"""K104: the same keyword twice."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.text.fold import folded


@rule("K104", "repeated-keyword", "warning")
def repeated_keyword(subject: Subject) -> Iterator[Violation]:
    """An image has the same keyword twice.

    It takes the place of another keyword and counts twice in the mean of the keywords.

    Bad:
        Two boats lie on the blue sea.
        keywords: blue sea, Blue  sea
    Good:
        Two boats lie on the blue sea.
        keywords: blue sea, - boats
    Fix:
        Keep one of them.
    """
    for image in subject.dataset:
        seen: set[str] = set()
        for keyword in image.keywords:
            if folded(keyword) in seen:
                yield Violation(f"repeated keyword {keyword!r}", image)
            seen.add(folded(keyword))

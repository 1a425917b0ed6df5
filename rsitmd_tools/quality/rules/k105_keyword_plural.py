"""K105: the same object in singular and plural."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.quality.texts import singular, split_words


@rule("K105", "keyword-plural", "info")
def keyword_plural(subject: Subject) -> Iterator[Violation]:
    """Two keywords of an image name the same thing in singular and plural.

    Only one of them can be right, and the two are different words to a model.

    Bad:
        Two red boats lie on the sea.
        keywords: red boat, red boats
    Good:
        Two red boats lie on the sea.
        keywords: red boats, blue sea
    Fix:
        Keep the one that fits the image.
    """
    for image in subject.dataset:
        first: dict[tuple[str, ...], tuple[str, ...]] = {}
        for keyword in image.keywords:
            words = split_words(keyword)
            if words:
                earlier = first.setdefault((*words[:-1], singular(words[-1])), words)
                if earlier != words:
                    said = " ".join(earlier)
                    yield Violation(f"keyword {keyword!r} beside {said!r}", image)

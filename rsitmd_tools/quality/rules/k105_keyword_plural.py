"""K105: the same object in singular and plural."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.quality.texts import singular, split_words


@rule("K105", "keyword-plural", "info")
def keyword_plural(subject: Subject) -> Iterator[Violation]:
    """Two keywords of an image name the same object in singular and plural.

    Only one of them can be correct, and a model treats them as different words.

    Bad:
        Two red boats lie on the sea.
        keywords: red boat, red boats
    Good:
        Two red boats lie on the sea.
        keywords: red boats, blue sea
    Fix:
        Keep the one that matches the image.
    """
    for image in subject.dataset:
        first: dict[tuple[str, ...], tuple[str, ...]] = {}
        for keyword in image.keywords:
            words = split_words(keyword)
            if words:
                earlier = first.setdefault((*words[:-1], singular(words[-1])), words)
                if earlier != words:
                    said = " ".join(earlier)
                    what = f"keywords {said!r} and {keyword!r} name the same object"
                    yield Violation(what, image)

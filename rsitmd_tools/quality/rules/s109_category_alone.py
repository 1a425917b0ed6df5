"""S109: a category word and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("S109", "category-alone", "info")
def category_alone(subject: Subject) -> Iterator[Violation]:
    """A sentence names the scene's class and says nothing about it (principle 1).

    "There is a piece of farmland ." stands 59 times in UCM-captions. What makes a caption
    fine-grained is how many, which colour, which size, beside what. The words of classes
    come from the list `synonyms`, attributes from `attributes`, `colours`, `numbers`,
    `relations` and `sizes`.

    Bad:
        There is a piece of farmland.
    Good:
        There is a piece of brown farmland.
        A road crosses the farmland.
    Fix:
        Add what only this image shows.
    """
    empty = subject.lists["function"]
    attributes = subject.lists.attributes - {"one"}
    objects = {word for phrase in subject.lists.synonyms for word in phrase.split()}
    for sentence in subject.sentences:
        content = {word for word in sentence.words if word not in empty}
        named = content & objects
        if len(named) in (1, 2) and content <= objects | {"one"} and not content & attributes:
            what = " ".join(sorted(named))
            yield Violation(f"says {what!r} and nothing about it", sentence.image, sentence.index)

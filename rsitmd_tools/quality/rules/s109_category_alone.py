"""S109: a sentence that names only the category."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("S109", "category-alone", "info")
def category_alone(subject: Subject) -> Iterator[Violation]:
    """A sentence names the category of the scene and nothing else (labelling principle 1).

    "There is a piece of farmland ." occurs 59 times in UCM-captions. A fine-grained caption
    says how many, which colour, which size, beside what. The rule takes the names of categories
    from the list `synonyms`, and attributes from `attributes`, `colours`, `numbers`, `relations`
    and `sizes`.

    Bad:
        There is a piece of farmland.
    Good:
        There is a piece of brown farmland.
        A road crosses the farmland.
    Fix:
        Add a detail of this image.
    """
    empty = subject.lists["function"]
    attributes = subject.lists.attributes - {"one"}
    objects = {word for phrase in subject.lists.synonyms for word in phrase.split()}
    for sentence in subject.sentences:
        content = {word for word in sentence.words if word not in empty}
        named = content & objects
        if len(named) in (1, 2) and content <= objects | {"one"} and not content & attributes:
            what = " and ".join(map(repr, sorted(named)))
            yield Violation(f"names only {what}; add a detail", sentence.image, sentence.index)

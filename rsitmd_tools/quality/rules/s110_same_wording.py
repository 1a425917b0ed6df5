"""S110: all sentences of an image use the same word for an object."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.quality.texts import singular

FEWEST = 3


@rule("S110", "same-wording", "info")
def same_wording(subject: Subject) -> Iterator[Violation]:
    """All sentences of an image use the same word for an object with synonyms.

    Labelling principle 3: vary the words. A model that has only read "ship" does not find "boat".
    Singular and plural count as one word. The synonyms come from the list `synonyms`. Each object
    is reported once.

    Bad:
        Two boats lie at the pier.
        A white boat is on the left.
        There are two boats side by side.
        The boats are moored.
        A boat with a red deck waits.
    Good:
        Two boats lie at the pier.
        A white ship is on the left.
        There are two vessels side by side.
        The yachts are moored.
        A boat with a red deck waits.
    Fix:
        Have one or two sentences use another word.
    """
    groups = {
        singular(word): sorted({singular(other) for other in group} - {singular(word)})
        for word, group in subject.lists.synonyms.items()
        if " " not in word
    }
    for image, sentences in subject.sentences_of:
        if len(sentences) < FEWEST:
            continue
        common = set.intersection(*({singular(w) for w in s.words} for s in sentences))
        for word in sorted(common.intersection(groups)):
            others = ", ".join([other for other in groups[word] if " " not in other][:3])
            if others:
                count = len(sentences)
                yield Violation(f"all {count} sentences use {word!r}; synonyms: {others}", image)

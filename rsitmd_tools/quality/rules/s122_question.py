"""S122: a question instead of a description."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.quality.texts import LOST_IN_WORD


@rule("S122", "question", "warning")
def question(subject: Subject) -> Iterator[Violation]:
    """A sentence is a question.

    RSITMD has "Do you have wheel marks?" and "Is there a church near here?": they come
    from machine translation and say nothing about the image. A "?" inside a word stands for a
    lost character: that is S115.

    Bad:
        Is there a church near here?
    Good:
        A church stands beside the crossroads.
        The roof?s edge is red and long.
    Fix:
        Describe the image.
    """
    for sentence in subject.sentences:
        if "?" in sentence.raw and "?" in LOST_IN_WORD.sub("", sentence.raw):
            yield Violation("asks a question", sentence.image, sentence.index)

"""The rule X101: a sentence in capitals."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("X101", "shouting", "warning")
def shouting(subject: Subject) -> Iterator[Violation]:
    """A sentence is written in capital letters.

    Bad:
        A WHITE PLANE STANDS BESIDE THE TERMINAL.
    Good:
        A white plane stands beside the terminal.
    Fix:
        Write the sentence in lower case.
    """
    for sentence in subject.sentences:
        if sentence.raw.isupper():
            yield Violation("is in capital letters", sentence.image, sentence.index)

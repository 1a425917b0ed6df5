"""S105: a sentence with too few words."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.errors import count_of
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("S105", "too-short", "warning")
def too_short(subject: Subject) -> Iterator[Violation]:
    """A sentence has fewer words than `words_min` (4).

    Two or three words are a label, not a description: "Square playground.", a sentence of
    RSITMD, fits two hundred of its images.

    Bad:
        Square playground.
    Good:
        A square playground lies beside the river.
    Fix:
        Describe the image: how many objects, which colour, beside what.
    """
    least = subject.thresholds.words_min
    for sentence in subject.sentences:
        if len(sentence.words) < least:
            count = count_of(len(sentence.words), "word")
            yield Violation(f"has {count}, minimum {least}", sentence.image, sentence.index)

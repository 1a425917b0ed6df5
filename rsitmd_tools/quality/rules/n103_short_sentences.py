"""N103: an annotator who writes much shorter sentences."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import mean

from rsitmd_tools.quality.annotators import by_annotator
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("N103", "short-sentences", "warning")
def short_sentences(subject: Subject) -> Iterator[Violation]:
    """An annotator's sentences are much shorter than the others'.

    Their mean length in words is below `annotator_length` (0.6) of the mean over all
    annotators.

    Bad:
        5 words per sentence where the others write 12
    Good:
        10 words per sentence where the others write 12
    Fix:
        Show the annotator good examples.
    """
    lengths = {
        person: mean(len(sentence.words) for sentence in sentences)
        for person, sentences in by_annotator(subject).items()
    }
    if len(lengths) < 2:
        return
    usual = mean(lengths.values())
    for person, length in lengths.items():
        if length < subject.thresholds.annotator_length * usual:
            yield Violation(f"{person}: {length:.1f} words per sentence, average {usual:.1f}")

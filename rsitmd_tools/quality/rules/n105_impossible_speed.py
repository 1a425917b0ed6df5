"""N105: a sentence written too fast."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("N105", "impossible-speed", "warning")
def impossible_speed(subject: Subject) -> Iterator[Violation]:
    """A sentence was written in less time than it takes to type it.

    The server measured less than `seconds_per_word` (0.2) per word: the sentence was pasted, or
    a machine wrote it. Only a workspace has these times.

    Bad:
        12 words in one second
    Good:
        12 words in 30 seconds
    Fix:
        Ask the annotator, or send the sentence back.
    """
    least = subject.thresholds.seconds_per_word
    for sentence in subject.sentences:
        seconds = subject.seconds.get((sentence.image.filename, sentence.index))
        if seconds is not None and seconds < least * len(sentence.words):
            written = f"{len(sentence.words)} words in {seconds:.1f} s"
            person = sentence.image.sentences[sentence.index].annotator
            yield Violation(f"{person}: {written}", sentence.image, sentence.index)

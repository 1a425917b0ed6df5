"""N105: a sentence written faster than anybody can."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("N105", "impossible-speed", "warning")
def impossible_speed(subject: Subject) -> Iterator[Violation]:
    """A sentence took its annotator less time than typing it does.

    Less than `seconds_per_word` (0.2) a word, by the time the server measured: it was pasted,
    or made by a machine. Only a workspace knows the times.

    Bad:
        12 words in one second
    Good:
        12 words in 30 seconds
    Fix:
        Ask the annotator; send it back.
    """
    least = subject.thresholds.seconds_per_word
    for sentence in subject.sentences:
        seconds = subject.seconds.get((sentence.image.filename, sentence.index))
        if seconds is not None and seconds < least * len(sentence.words):
            written = f"{len(sentence.words)} words in {seconds:.1f} s"
            person = sentence.image.sentences[sentence.index].annotator
            yield Violation(f"{person}: {written}", sentence.image, sentence.index)

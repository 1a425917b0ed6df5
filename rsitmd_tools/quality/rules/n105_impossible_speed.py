"""N105: a sentence written too fast."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.errors import count_of
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("N105", "impossible-speed", "warning")
def impossible_speed(subject: Subject) -> Iterator[Violation]:
    """A sentence was written in less time than it takes to type it.

    The server measured less than `seconds_per_word` (0.2) per word: the sentence was pasted, or
    a machine wrote it. The server measures the time of a whole annotation. The rule divides it
    among the sentences by their words, so it reports all sentences of an annotation or none. Words
    of a text that the annotator corrected do not count. Only a workspace has these times.

    Bad:
        12 words in one second
    Good:
        12 words in 30 seconds
    Fix:
        Ask the annotator, or send the sentence back.
    """
    least = subject.thresholds.seconds_per_word
    for sentence in subject.sentences:
        typed = subject.typed.get((sentence.image.filename, sentence.index))
        if typed is not None and typed.pace < least:
            what = count_of(typed.words, "new word" if typed.given else "word")
            person = sentence.image.sentences[sentence.index].annotator
            message = f"{person}: {what} in {typed.seconds:.1f} s"
            yield Violation(message, sentence.image, sentence.index)

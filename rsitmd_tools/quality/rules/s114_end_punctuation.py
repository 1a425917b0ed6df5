"""S114: a sentence ends without a full stop, or with two."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject

_END = re.compile(r"[.?!。…！？]['\"”’)]*$")
_TAIL = " \t\n\r\f\v.,;:?!。、，…！？"
LONGEST_END = 8  # characters of an end mark and the quotes and brackets after it
_STOPS = re.compile(r"[.?!。…！？]")


def ended(raw: str, _subject: Subject) -> str:
    """Return a sentence that ends with one full stop (or the mark it had)."""
    text = raw.rstrip()
    # Not by a pattern: searched from every place, one for the tail takes quadratic time.
    start = len(text.rstrip(_TAIL))
    tail = text[start:]
    if not tail:
        return text if _END.search(text[-LONGEST_END:]) or not text else f"{text}."
    marks = _STOPS.findall(tail)
    if len(tail.strip()) == 1 and marks:
        return raw
    return text[:start] + (marks[0] if marks else ".")


@rule("S114", "end-punctuation", "info", fix=ended)
def end_punctuation(subject: Subject) -> Iterator[Violation]:
    """A sentence has no end punctuation, two marks, or a comma at its end.

    6 % of RSITMD's sentences have none, 200 sentences of UCM-captions have two marks. Captions
    that differ only in punctuation count as different.

    Bad:
        Two boats lie at the pier
        Two boats lie at the pier. .
        Two boats lie at the pier,
    Good:
        Two boats lie at the pier.
    Fix:
        Run `rsitmd validate --fix`.
    """
    for sentence in subject.sentences:
        fixed = ended(sentence.raw, subject)
        if fixed != sentence.raw.rstrip() and fixed != sentence.raw:
            last = sentence.raw.rstrip()[-1]
            missing = last.isalnum() or last in "'\")’”%"
            fault = (
                "has no end punctuation" if missing else f"ends with {sentence.raw.rstrip()[-3:]!r}"
            )
            yield Violation(fault, sentence.image, sentence.index)

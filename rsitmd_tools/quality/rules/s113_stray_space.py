"""S113: white space where none belongs, or none where it belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsitmd_tools.quality.records import Written
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject

_MANY = re.compile(r"(?<!\s)\s{2,}|[\t\n\r\f\v\u00a0\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
_BEFORE = re.compile(r"(?<=[^\W_]) +(?=[,;:?!]|\.(?!\w))")
_AFTER = re.compile(r"(?<=[^\W\d_])([,;:?!]|\.(?=[A-Z]))(?=[^\W\d_]{2})")
_SPACE = re.compile(r"\s+")


def tidied(raw: str, _subject: Subject) -> str:
    """Return a sentence with its white space in order."""
    text = _SPACE.sub(" ", raw.strip())
    return _AFTER.sub(r"\1 ", _BEFORE.sub("", text))


@rule("S113", "stray-space", "info", fix=tidied)
def stray_space(subject: Subject) -> Iterator[Violation]:
    """A sentence has white space at its ends, twice, or before a punctuation mark, or lacks it.

    It makes equal sentences different for a computer, and doubles tokens where a loader
    splits at blanks. A dataset that writes a blank before most of its full stops (UCM-captions
    is published tokenised) gets one finding for that.

    Bad:
        Two boats  lie at the pier.
        Two boats lie at the pier .
        Two boats,one of them white, lie at the pier.
        " Two boats lie at the pier. "
    Good:
        Two boats lie at the pier.
        The building is 2.5 times as long as the car.
    Fix:
        `--fix` does.
    """
    before = [s for s in subject.sentences if _BEFORE.search(s.raw.strip())]
    tokenised = len(before) > max(1, len(subject.sentences) / 2) and len(subject.sentences) > 20
    if tokenised:
        count = f"{len(before)} of {len(subject.sentences)} sentences"
        yield Violation(f"{count} have a blank before a punctuation mark")
    for sentence in subject.sentences:
        faults = list(_faults(sentence, tokenised))
        if faults:
            yield Violation("; ".join(faults), sentence.image, sentence.index)


def _faults(sentence: Written, tokenised: bool) -> Iterator[str]:
    text = sentence.raw.strip()
    if text != sentence.raw:
        yield "white space at an end"
    if _MANY.search(text):
        yield "more than one blank"
    if not tokenised and _BEFORE.search(text):
        yield "a blank before a punctuation mark"
    if _AFTER.search(text):
        yield "no blank after a punctuation mark"

"""S113: missing or superfluous white space."""

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
    """Return a sentence with correct white space."""
    text = _SPACE.sub(" ", raw.strip())
    return _AFTER.sub(r"\1 ", _BEFORE.sub("", text))


@rule("S113", "stray-space", "info", fix=tidied)
def stray_space(subject: Subject) -> Iterator[Violation]:
    """A sentence has superfluous white space, or none after a punctuation mark.

    Superfluous is white space at the ends, before a punctuation mark, or several spaces in a row.
    Equal sentences then differ, and loaders that split at spaces get other tokens. A dataset
    with a space before most of its punctuation marks, such as the tokenised UCM-captions, gets
    one finding for all of them.

    Bad:
        Two boats  lie at the pier.
        Two boats lie at the pier .
        Two boats,one of them white, lie at the pier.
        " Two boats lie at the pier. "
    Good:
        Two boats lie at the pier.
        The building is 2.5 times as long as the car.
    Fix:
        Run `rsitmd validate --fix`.
    """
    before = [s for s in subject.sentences if _BEFORE.search(s.raw.strip())]
    tokenised = len(before) > max(1, len(subject.sentences) / 2) and len(subject.sentences) > 20
    if tokenised:
        count = f"{len(before)} of {len(subject.sentences)} sentences"
        yield Violation(f"{count} have a space before a punctuation mark")
    for sentence in subject.sentences:
        faults = list(_faults(sentence, tokenised))
        if faults:
            yield Violation("; ".join(faults), sentence.image, sentence.index)


def _faults(sentence: Written, tokenised: bool) -> Iterator[str]:
    text = sentence.raw.strip()
    if text != sentence.raw:
        yield "leading or trailing white space"
    if _MANY.search(text):
        yield "several spaces in a row"
    if not tokenised and _BEFORE.search(text):
        yield "space before a punctuation mark"
    if _AFTER.search(text):
        yield "no space after a punctuation mark"

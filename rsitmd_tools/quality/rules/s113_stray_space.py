"""S113: missing or superfluous white space."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsitmd_tools.quality.records import Written
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject

_MANY = re.compile(r"(?<!\s)\s{2,}|[\t\n\r\f\v\u00a0\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
# Both begin with what is rare, not with what comes before it, so that a search is quick.
# The colon of a ratio, such as "2 : 3", stays as it is.
_BEFORE = re.compile(r" (?<=[^\W_] )(?!(?<=\d ) *: *\d) *(?=[,;:?!]|\.(?!\w))")
_AFTER = re.compile(r"([,;:?!.])(?<=[^\W\d_].)(?=[^\W\d_]{2})(?:(?<!\.)|(?=[A-Z]))")
_SPACE = re.compile(r"\s+")
# Web addresses and file names, whose stops end no sentence.
_ADDRESS = re.compile(
    r"://|^\W*www\.|\.(?:jpe?g|png|tiff?|gif|bmp|jp2|vrt|pdf|csv|txt|html?)\W*$", re.IGNORECASE
)


def tidied(raw: str, _subject: Subject) -> str:
    """Return a sentence with correct white space."""
    text = _SPACE.sub(" ", raw.strip())
    words = _BEFORE.sub("", text).split(" ")
    return " ".join(word if _ADDRESS.search(word) else _AFTER.sub(r"\1 ", word) for word in words)


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
    texts = [sentence.raw.strip() for sentence in subject.sentences]
    before = [_BEFORE.search(text) is not None for text in texts]
    tokenised = sum(before) > max(1, len(texts) / 2) and len(texts) > 20
    if tokenised:
        count = f"{sum(before)} of {len(texts)} sentences"
        yield Violation(f"{count} have a space before a punctuation mark")
    for sentence, text, spaced in zip(subject.sentences, texts, before, strict=True):
        faults = list(_faults(sentence, text, spaced and not tokenised))
        if faults:
            yield Violation("; ".join(faults), sentence.image, sentence.index)


def _faults(sentence: Written, text: str, spaced: bool) -> Iterator[str]:
    if text != sentence.raw:
        yield "leading or trailing white space"
    # All white space but a space is not printable.
    if ("  " in text or not text.isprintable()) and _MANY.search(text):
        yield "several spaces in a row"
    if spaced:
        yield "space before a punctuation mark"
    if _AFTER.search(text) and any(
        _AFTER.search(word) for word in text.split() if not _ADDRESS.search(word)
    ):
        yield "no space after a punctuation mark"

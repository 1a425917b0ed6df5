"""S115: wrongly decoded characters."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.quality.texts import LOST_IN_WORD


def decoded(raw: str, _subject: Subject) -> str:
    """Return a sentence with wrongly decoded characters corrected; lost ones stay marked."""
    if raw.isascii():
        return raw
    import ftfy

    return ftfy.fix_encoding(raw)


@rule("S115", "mojibake", "warning", fix=decoded)
def mojibake(subject: Subject) -> Iterator[Violation]:
    """Characters were decoded in a wrong encoding, or lost.

    This happens if a UTF-8 file is opened as Windows-1252 and saved again. The rule uses ftfy. A
    character that an encoding does not have can become "?", as in "roof?s".

    Bad:
        The cafÃ© has a red roof and a terrace.
        The baker\ufffds house has a red roof.
        The baker?s house has a red roof.
        keywords: cafÃ© terrace
    Good:
        The café has a red roof and a terrace.
        keywords: café terrace
    Fix:
        Run `rsitmd validate --fix`, which corrects sentences if the text can be recovered. Correct
        keywords by hand.
    """
    for sentence in subject.sentences:
        if _damaged(sentence.raw, subject):
            yield Violation("has wrongly decoded characters", sentence.image, sentence.index)
    for image, keyword in subject.keywords:
        if _damaged(keyword, subject):
            yield Violation(f"keyword {keyword[:40]!r} has wrongly decoded characters", image)


def _damaged(text: str, subject: Subject) -> bool:
    """Return whether characters are wrongly decoded, or lost (U+FFFD, or "?" inside a word)."""
    if "?" in text and LOST_IN_WORD.search(text):
        return True
    return not text.isascii() and ("\ufffd" in text or decoded(text, subject) != text)

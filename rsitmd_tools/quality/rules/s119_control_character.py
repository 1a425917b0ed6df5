"""S119: invisible characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("S119", "control-character", "error")
def control_character(subject: Subject) -> Iterator[Violation]:
    r"""A sentence or a keyword contains control, zero-width or other invisible characters.

    They break lines of text formats, make equal sentences different, change the displayed order
    of a text, and control a terminal that prints them. Bidirectional and unassigned characters
    are included, and so are line breaks and tabs: a caption or a keyword is one line.

    Bad:
        "Two boats\u202e lie at the pier."
        "Two boats\u001b[31m lie at the pier."
        "Two boats\nlie at the pier."
        "Two\u200b boats lie at the pier."
        "keywords: red\u200b boat"
    Good:
        Two boats lie at the pier.
        keywords: red boat
    Fix:
        Remove them.
    """
    for sentence in subject.sentences:
        found = _hidden(sentence.raw)
        if found:
            yield Violation(f"contains {found}", sentence.image, sentence.index)
    for image, keyword in subject.keywords:
        found = _hidden(keyword)
        if found:
            yield Violation(f"keyword {keyword[:40]!r} contains {found}", image)


def _hidden(text: str) -> str:
    """Return the code points of at most five invisible characters."""
    if text.isprintable():
        return ""
    hidden = sorted({c for c in text.strip(" ") if _is_hidden(c)})
    return ", ".join(f"U+{ord(c):04X}" for c in hidden[:5])


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")

"""S119: characters that are not seen."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject

_WHITE = frozenset("\t\n\r\f\v")


@rule("S119", "control-character", "error")
def control_character(subject: Subject) -> Iterator[Violation]:
    r"""A sentence or a keyword holds control, bidirectional, zero-width or unassigned characters.

    They are not seen, yet they break lines of text formats, make equal sentences different,
    let a text read otherwise than it is stored, and steer a terminal that prints them.
    Line breaks and tabs count too: a caption is one line, and so is a keyword.

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
        Take them out.
    """
    for sentence in subject.sentences:
        found = _hidden(sentence.raw)
        if found:
            yield Violation(f"holds {found}", sentence.image, sentence.index)
    for image, keyword in subject.keywords:
        found = _hidden(keyword)
        if found:
            yield Violation(f"keyword {keyword[:40]!r} holds {found}", image)


def _hidden(text: str) -> str:
    """Return the numbers of the characters that are not seen, five at most."""
    if text.isprintable():
        return ""
    hidden = sorted({c for c in text.strip(" ") if _is_hidden(c)})
    return ", ".join(f"U+{ord(c):04X}" for c in hidden[:5])


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")

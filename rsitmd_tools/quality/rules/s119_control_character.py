"""S119: characters that are not seen."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from rsitmd_tools.quality.registry import Place, rule
from rsitmd_tools.quality.subject import Subject

_WHITE = frozenset("\t\n\r\f\v")


@rule("S119", "control-character", "error")
def control_character(subject: Subject) -> Iterator[Place]:
    r"""A sentence holds control, bidirectional, zero-width or unassigned characters.

    They are not seen, yet they break lines of text formats, make equal sentences different,
    let a text read otherwise than it is stored, and steer a terminal that prints them.
    Line breaks and tabs count too: a caption is one line.

    Bad:
        "Two boats\u202e lie at the pier."
        "Two boats\u001b[31m lie at the pier."
        "Two boats\nlie at the pier."
        "Two\u200b boats lie at the pier."
    Good:
        Two boats lie at the pier.
    Fix:
        Take them out.
    """
    for sentence in subject.sentences:
        if sentence.raw.isprintable():
            continue
        hidden = sorted({c for c in sentence.raw.strip(" ") if _is_hidden(c)})
        if hidden:
            found = ", ".join(f"U+{ord(c):04X}" for c in hidden[:5])
            yield Place(f"holds {found}", sentence.image, sentence.index)


def _is_hidden(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")

"""S118: characters of another script."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("S118", "other-script", "warning")
def other_script(subject: Subject) -> Iterator[Violation]:
    """A sentence or a keyword contains non-Latin letters or full-width punctuation.

    They come from an input method or an incomplete translation. A Cyrillic "а" looks like a
    Latin one but makes another word.

    Bad:
        Two 船 lie at the pier.
        A whitе ship lies at the pier.
        Two boats lie at the pier，one of them white.
        keywords: red 船
    Good:
        The café has a red roof and a terrace.
        keywords: café terrace
    Fix:
        Use Latin letters.
    """
    for sentence in subject.sentences:
        found = _strange(sentence.raw)
        if found:
            yield Violation(f"contains {found!r}", sentence.image, sentence.index)
    for image, keyword in subject.keywords:
        found = _strange(keyword)
        if found:
            yield Violation(f"keyword {keyword[:40]!r} contains {found!r}", image)


def _strange(text: str) -> str:
    """Return at most eight characters of another script."""
    if text.isascii():
        return ""
    return "".join(sorted({c for c in text if _is_strange(c)})[:8])


def _is_strange(character: str) -> bool:
    if character.isascii() or unicodedata.category(character)[0] not in "LP":
        return False
    name = unicodedata.name(character, "")
    if unicodedata.category(character)[0] == "P":
        return name.startswith(("FULLWIDTH", "IDEOGRAPHIC"))
    return not name.startswith(("LATIN ", "MODIFIER LETTER", "MASCULINE", "FEMININE"))

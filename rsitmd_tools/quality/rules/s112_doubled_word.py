"""S112: a word twice in a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import eq

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject

# A word with a hyphen is another word: "a two-lane lane".
_DOUBLED = re.compile(r"(?<![-‐‑])\b([^\W\d_]+)(?:\s+\1\b)+(?!['’‐‑-])", re.IGNORECASE)
# Right English: "the pool that that house has", "they had had", "a square square" (a plaza).
_MAY_DOUBLE = frozenset({"that", "had", "is", "square"})


def without_doubles(raw: str, _subject: Subject) -> str:
    """Return a sentence with doubled words reduced to one."""
    return _DOUBLED.sub(
        lambda m: m.group() if m.group(1).lower() in _MAY_DOUBLE else m.group(1), raw
    )


@rule("S112", "doubled-word", "warning", fix=without_doubles)
def doubled_word(subject: Subject) -> Iterator[Violation]:
    """A word is repeated directly.

    Dozens of sentences of UCM-captions have "with with some cars".

    Bad:
        Two straight freeways with with some cars on them.
    Good:
        Two straight freeways with some cars on them.
        A two-lane lane runs along the sea.
    Fix:
        Remove one of them (`--fix` does).
    """
    for sentence in subject.sentences:
        raw, words = sentence.raw, sentence.words
        # A search for the pattern takes longer than a look at the words.
        if raw.isascii() and "'" not in raw and not any(map(eq, words, words[1:])):
            continue
        for found in _DOUBLED.finditer(sentence.raw):
            if found.group(1).lower() not in _MAY_DOUBLE:
                said = " ".join(found.group().split())
                yield Violation(f"repeated word {said!r}", sentence.image, sentence.index)

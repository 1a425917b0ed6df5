"""S111: a word that is not in the dictionary."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.quality.texts import split_words

_LETTERS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def corrected(raw: str, subject: Subject) -> str:
    """Return a sentence with each unknown word replaced by its suggestion, except names."""
    names = names_in(raw)
    return _LETTERS.sub(
        lambda match: (
            match.group()
            if match.group().lower() in names
            else _replacement(match.group(), subject)
        ),
        raw,
    )


@rule("S111", "typo", "warning", fix=corrected, safe=False)
def typo(subject: Subject) -> Iterator[Violation]:
    """A word is not in the dictionary; the message suggests the nearest known word.

    RSITMD has "termial" 46 times. Each typo adds a word to the vocabulary. The rule knows the
    words of SymSpell's English dictionary and of the list `domain`. It ignores names (capital
    letters within a sentence), numbers and words of one or two letters. Sentences in another
    language are reported by `other-language`.

    Bad:
        The termial of the airport is beside two runways.
    Good:
        The terminal of the airport is beside two runways.
    Fix:
        Use the suggestion (`--unsafe-fixes` applies it), or add the word to `domain.txt`.
    """
    spelling = subject.spelling
    unknown = {word for word in subject.word_counts if not spelling.knows(word)}
    if not unknown:
        return
    for sentence in subject.sentences:
        if unknown.isdisjoint(sentence.words) or spelling.is_foreign(sentence.words):
            continue
        wrong = unknown.intersection(sentence.words) - names_in(sentence.raw)
        for word in sorted(wrong, key=sentence.words.index):
            near = spelling.suggestion(word)
            advice = f"; did you mean {near!r}?" if near else ""
            yield Violation(f"unknown word {word!r}{advice}", sentence.image, sentence.index)


def names_in(raw: str) -> set[str]:
    """Return the lower-cased words that begin with a capital letter within a sentence."""
    words = _LETTERS.findall(raw)
    lower = set(split_words(" ".join(word for word in words if not word[0].isupper())))
    return {word.lower() for word in words[1:] if word[0].isupper()} - lower


def _replacement(word: str, subject: Subject) -> str:
    lower = word.lower()
    spelling = subject.spelling
    if spelling.knows(lower) or (lower != word and not word.istitle()):
        return word
    near = spelling.suggestion(lower) or lower
    return near.capitalize() if word.istitle() else near

"""S120: counts in digits among counts in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# Not a count: a part of a number, fraction, ratio, size, time or price, or "No. 3".
_DIGIT = re.compile(
    r"(?=[1-9])(?<![\w.,%#×−$€£¥-])(?<![×$€£¥] )(?<!\b[Nn][or]\. )"
    r"(?<!\d[/:*‐‑–—])(?<!\d [/:*x–—-] )(?:[2-9]|10)"
    r"(?= (?!(?:meters?|metres?|km|percent|degrees?|story|storey|m|in|sq|[ap]\.?m)\b"
    r"|(?:square|cubic) (?:k?m|(?:kilo)?met(?:er|re)s?)\b|x \d|o['’]clock\b)[a-z])"
)


def in_words(raw: str, _subject: Subject) -> str:
    """Return a sentence with counts up to ten in words."""
    return _DIGIT.sub(lambda match: WORDS[int(match.group())], raw)


@rule("S120", "digit-count", "info", fix=in_words, safe=False)
def digit_count(subject: Subject) -> Iterator[Violation]:
    """A count up to ten is written in digits.

    "2 planes" and "two planes" are different words for a model; almost all of RSITMD's
    counts are words. A dataset with mostly digits gets no findings. Fractions, ratios, sizes,
    times and prices are no counts.

    Bad:
        There are 2 planes beside the terminal.
    Good:
        There are two planes beside the terminal.
        There are 25 planes beside the terminal.
        3/4 of the field is green.
    Fix:
        Write the word (`--unsafe-fixes` does).
    """
    found = [s for s in subject.sentences if _DIGIT.search(s.raw)]
    words = sum(subject.word_counts[word] for word in WORDS[2:])
    if len(subject.sentences) > 20 and len(found) > words:
        return
    for sentence in found:
        said = ", ".join(_DIGIT.findall(sentence.raw))
        yield Violation(f"counts in digits: {said}", sentence.image, sentence.index)

"""D113: tokens that differ from the sentence."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.quality.texts import split_words


@rule("D113", "wrong-tokens", "warning")
def wrong_tokens(subject: Subject) -> Iterator[Violation]:
    """The stored tokens differ from the sentence.

    If only `raw` is corrected, models still train on the old `tokens`. The rule compares words,
    not case or punctuation. Files without tokens are not checked.

    Bad:
        {"raw": "Two boats.", "tokens": ["three", "boats", "."]}
    Good:
        {"raw": "Two boats.", "tokens": ["two", "boats", "."]}
    Fix:
        Remove `tokens` and convert the file: they are computed from `raw`.
    """
    for image in subject.dataset:
        for index, sentence in enumerate(image.sentences):
            if sentence.tokens is None:
                continue
            words = _letters(split_words(sentence.raw))
            if words != _letters(split_words(" ".join(sentence.tokens))):
                yield Violation("tokens differ from the sentence", image, index)


def _letters(words: tuple[str, ...]) -> str:
    """Join words without apostrophes: "it's" is one word or two tokens."""
    return "".join(words).replace("'", "").replace("’", "")

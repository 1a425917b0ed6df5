"""D113: tokens that are not the sentence's."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.quality.texts import split_words


@rule("D113", "wrong-tokens", "warning")
def wrong_tokens(subject: Subject) -> Iterator[Violation]:
    """The stored tokens are not those of the sentence.

    Who corrects `raw` and not `tokens` trains on the old text. Only words are compared, not
    case or punctuation; files without tokens are not looked at.

    Bad:
        {"raw": "Two boats.", "tokens": ["three", "boats", "."]}
    Good:
        {"raw": "Two boats.", "tokens": ["two", "boats", "."]}
    Fix:
        Read and write it anew: tokens are made from `raw`.
    """
    for image in subject.dataset:
        for index, sentence in enumerate(image.sentences):
            if sentence.tokens is None:
                continue
            words = _letters(split_words(sentence.raw))
            if words != _letters(split_words(" ".join(sentence.tokens))):
                yield Violation("tokens are not those of the sentence", image, index)


def _letters(words: tuple[str, ...]) -> str:
    """Join words without apostrophes: "it's" is one word or two tokens."""
    return "".join(words).replace("'", "").replace("’", "")

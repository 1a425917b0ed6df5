"""S121: a sentence in another language."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("S121", "other-language", "warning")
def other_language(subject: Subject) -> Iterator[Violation]:
    """Most words of a sentence are not in the English dictionary.

    Some of RSITMD's sentences are Portuguese: "a praia tem um mar azul". A missing
    translation is noise for a model.

    Bad:
        a praia tem duas cores, areia branca e uma onda verde
    Good:
        The beach has two colours, white sand and a green wave.
    Fix:
        Have the sentence translated.
    """
    for sentence in subject.sentences:
        if subject.spelling.is_foreign(sentence.words):
            yield Violation("is not English", sentence.image, sentence.index)

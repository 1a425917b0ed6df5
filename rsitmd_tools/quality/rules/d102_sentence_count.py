"""D102: an image has fewer or more sentences than asked."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("D102", "sentence-count", "error")
def sentence_count(subject: Subject) -> Iterator[Violation]:
    """An image has fewer or more sentences than asked (five).

    Loaders that count five lines an image shift every caption behind it. In a workspace the
    number is annotators_per_image times sentences_per_annotator.

    Bad:
        four sentences of one image
    Good:
        five
    Fix:
        Have the missing ones written, or leave the image out.
    """
    wanted = subject.settings.annotation.sentences_per_image
    for image in subject.dataset:
        count = len(image.sentences)
        if count != wanted:
            yield Violation(f"{count} sentences instead of {wanted}", image)

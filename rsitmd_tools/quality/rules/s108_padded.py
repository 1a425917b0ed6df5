"""S108: sentences padded by repetition."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("S108", "padded", "warning")
def padded(subject: Subject) -> Iterator[Violation]:
    """An image reaches its number of sentences only by repetition.

    RSICD pads images to five sentences: the file has five sentences, but only one or two were
    written. Each repetition is also reported by `repeated-in-image`; this finding means that
    the image needs new sentences.

    Bad:
        Two boats lie at the pier.
        Two boats lie at the pier.
        Two boats lie at the pier.
        Two boats lie at the pier.
        Two boats lie at the pier.
    Good:
        Two boats lie at the pier.
        Two boats lie at the pier.
        A white ship and a red one are moored.
        The grey pier reaches into the blue water.
        Beside the lawn two vessels wait at a jetty.
    Fix:
        Have the missing sentences written.
    """
    expected = subject.sentences_per_image
    for image, sentences in subject.sentences_of:
        different = len({sentence.folded for sentence in sentences})
        if len(sentences) >= expected > 2 and different <= 2:
            yield Violation(f"{len(sentences)} sentences, only {different} distinct", image)

"""S106: a sentence with too many words."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("S106", "too-long", "warning")
def too_long(subject: Subject) -> Iterator[Violation]:
    """A sentence has more words than `words_max` (50).

    Text encoders cut long inputs (77 tokens in CLIP), and a long text is often several
    sentences, or the pasted guide.

    Bad:
        A road and a road and a road and a road and a road and a road and a road and a road and a road and a road and a road and a road and a road and a road and a road and a road and a road and a road.
    Good:
        A road runs between two rows of houses.
    Fix:
        Keep what distinguishes this image from others.
    """  # noqa: E501
    most = subject.thresholds.words_max
    for sentence in subject.sentences:
        if len(sentence.words) > most:
            count = len(sentence.words)
            yield Violation(f"has {count} words, maximum {most}", sentence.image, sentence.index)

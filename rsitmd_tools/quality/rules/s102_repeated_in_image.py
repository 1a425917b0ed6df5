"""S102: the same sentence twice in an image."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("S102", "repeated-in-image", "warning")
def repeated_in_image(subject: Subject) -> Iterator[Violation]:
    """An image has the same sentence twice or more.

    The number of captions is then overstated, and retrieval counts the same sentence several
    times. Case and white space are ignored.

    Bad:
        Two boats lie at the pier.
        two boats lie at the  pier.
    Good:
        Two boats lie at the pier.
        A white ship and a red one are moored side by side.
    Fix:
        Have a new sentence written.
    """
    for image, sentences in subject.sentences_of:
        first: dict[str, int] = {}
        for sentence in sentences:
            earlier = first.setdefault(sentence.folded, sentence.index)
            if earlier != sentence.index:
                name = subject.name(image, earlier).phrase
                yield Violation(f"repeats {name} of this image", image, sentence.index)

"""D102: an image has fewer or more sentences than asked."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.registry import Place, Subject, rule


@rule("D102", "sentence-count", "error")
def sentence_count(subject: Subject) -> Iterator[Place]:
    """An image has fewer or more sentences than asked (five).

    Loaders that count five lines an image shift every caption behind it.

    Bad: four sentences of one image. Good: five.

    Fix: have the missing ones written, or leave the image out.
    """
    for image in subject.dataset:
        count = len(image.sentences)
        if count != subject.expected.sentences:
            yield Place(f"{count} sentences instead of {subject.expected.sentences}", image)

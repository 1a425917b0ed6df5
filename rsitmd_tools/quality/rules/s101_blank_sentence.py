"""S101: a blank sentence."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.registry import Place, Subject, rule


@rule("S101", "blank-sentence", "error")
def blank_sentence(subject: Subject) -> Iterator[Place]:
    """A sentence is empty or only white space.

    Four images of the published RSITMD train captions have five blank lines each; a
    loader that drops blank lines pairs every later image with foreign captions.

    Bad: ``""``. Good: ``"Two boats lie at the pier."``

    Fix: write the sentence, or leave the image out.
    """
    for image in subject.dataset:
        for index, raw in enumerate(image.captions):
            if not raw.strip():
                yield Place("the sentence is blank", image, index)

"""S101: a blank sentence."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.text.fold import folded


@rule("S101", "blank-sentence", "error")
def blank_sentence(subject: Subject) -> Iterator[Violation]:
    """A sentence is empty or has only white space.

    Four images of the published RSITMD train captions have five blank lines each. A loader
    that drops blank lines assigns wrong captions to all later images, and the similarity of such
    an image with any caption is undefined.

    Bad:
        ""
        "   "
    Good:
        Two boats lie at the pier.
    Fix:
        Write the sentence, or remove the image. Do not only delete the line.
    """
    for image in subject.dataset:
        for index, raw in enumerate(image.captions):
            if not folded(raw):
                yield Violation("the sentence is blank", image, index)

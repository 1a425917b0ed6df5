"""D102: an image has fewer or more sentences than expected."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.errors import count_of
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("D102", "sentence-count", "error")
def sentence_count(subject: Subject) -> Iterator[Violation]:
    """An image has fewer or more sentences than expected (five).

    Loaders that count five lines an image shift all captions after it. In a workspace, the
    expected number is `annotators_per_image` times `sentences_per_annotator`. It is not checked if
    the labeling page asks for no sentences (`template = "keywords"` or `"ranking"`).

    Bad:
        four sentences for one image
    Good:
        five sentences for each image
    Fix:
        Have the missing sentences written, or remove the image. In a workspace, reject
        the sentences that are too many: `rsitmd annotate review DIR --reject FILE`.
    """
    asked = subject.settings.annotation
    if not asked.sentences_asked:
        return
    expected = asked.sentences_per_image
    for image in subject.dataset:
        count = len(image.sentences)
        if count != expected:
            yield Violation(f"has {count_of(count, 'sentence')}, expected {expected}", image)

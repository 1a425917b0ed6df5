"""N101: the sentences of an image come from fewer people than asked."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("N101", "too-few-annotators", "warning")
def too_few_annotators(subject: Subject) -> Iterator[Violation]:
    """An image has its sentences from fewer annotators than asked.

    Five sentences by one person are less different than those of five. Datasets that do not
    name their annotators are not looked at; images that lack sentences are the business of
    `sentence-count`.

    Bad:
        five sentences by one annotator where five were asked
    Good:
        five sentences by five annotators
    Fix:
        Have other people write.
    """
    asked = subject.settings.annotation
    for image in subject.dataset:
        people = {sentence.annotator for sentence in image.sentences}
        complete = len(image.sentences) >= asked.sentences_per_image
        if complete and None not in people and len(people) < asked.annotators_per_image:
            wanted = asked.annotators_per_image
            yield Violation(f"written by {len(people)} annotators instead of {wanted}", image)

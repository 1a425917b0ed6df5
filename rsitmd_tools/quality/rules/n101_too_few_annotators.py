"""N101: the sentences of an image come from fewer people than asked."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.registry import Place, Subject, rule


@rule("N101", "too-few-annotators", "warning")
def too_few_annotators(subject: Subject) -> Iterator[Place]:
    """An image has its sentences from fewer annotators than asked.

    Five sentences by one person are less different than those of five. Datasets that do
    not name their annotators are not looked at; images that lack sentences are the
    business of D102.

    Bad: five sentences by one annotator where five were asked.

    Fix: have other people write.
    """
    wanted = subject.expected.annotators
    for image in subject.dataset:
        people = {sentence.annotator for sentence in image.sentences}
        complete = len(image.sentences) >= subject.expected.sentences
        if complete and None not in people and len(people) < wanted:
            yield Place(f"written by {len(people)} annotators instead of {wanted}", image)

"""N101: too few annotators for an image."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.errors import count_of
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("N101", "too-few-annotators", "warning")
def too_few_annotators(subject: Subject) -> Iterator[Violation]:
    """Fewer annotators than expected wrote the sentences of an image.

    Five sentences by one annotator differ less than those of five annotators. Datasets without
    names of annotators are not checked, nor is a workspace whose labeling page asks for no
    sentences. Images that lack sentences are reported by `sentence-count`.

    Bad:
        five sentences by one annotator instead of five
    Good:
        five sentences by five annotators
    Fix:
        Have other annotators write sentences.
    """
    expected = subject.settings.annotation
    if not expected.sentences_asked:
        return
    for image in subject.dataset:
        annotators = {sentence.annotator for sentence in image.sentences}
        complete = len(image.sentences) >= expected.sentences_per_image
        if complete and None not in annotators and len(annotators) < expected.annotators_per_image:
            count = count_of(len(annotators), "annotator")
            least = expected.annotators_per_image
            yield Violation(f"written by {count}, expected {least}", image)

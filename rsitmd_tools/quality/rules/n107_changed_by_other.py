"""N107: a sentence that another member changed last."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("N107", "changed-by-other", "warning")
def changed_by_other(subject: Subject) -> Iterator[Violation]:
    """Another member than its author changed an annotation last.

    In Label Studio's open edition every member can change every annotation, but it keeps the
    name of its author: the sentence may no longer be the author's. Only a workspace records who
    changed what.

    Bad:
        written by anna@example.org, changed by emil@example.org
    Good:
        written and changed by anna@example.org
    Fix:
        Compare both wordings (`rsitmd annotate log DIR IMAGE`), or send the sentence back to its
        author.
    """
    for image in subject.dataset:
        for index, sentence in enumerate(image.sentences):
            if sentence.changed_by is not None:
                message = f"written by {sentence.annotator}, changed by {sentence.changed_by}"
                yield Violation(message, image, index)

"""N107: a sentence that another member changed."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("N107", "changed-by-other", "warning")
def changed_by_other(subject: Subject) -> Iterator[Violation]:
    """A sentence has words that another member than its author submitted.

    In Label Studio's open edition every member can change every annotation, but it keeps the
    name of its author. Only a workspace records who changed what: each `pull` compares the
    annotation with the one before. Sentences of the annotation that kept their words are not
    named. If several members changed it between two pulls, the last one is named; if that is
    the author, nobody is.

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

"""N107: a sentence that somebody else than its author changed last."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("N107", "changed-by-other", "warning")
def changed_by_other(subject: Subject) -> Iterator[Violation]:
    """Somebody else than its author changed an annotation last.

    In Label Studio's open edition every member can change every annotation, and the author's
    name stays on it: the sentence may not be the author's any more. Only a workspace knows
    who changed what.

    Bad:
        written by anna@example.org, changed by emil@example.org
    Good:
        written and changed by anna@example.org
    Fix:
        Look at both wordings (rsitmd annotate log DIR IMAGE); send it back to its author.
    """
    if subject.dataset.format != "workspace":
        return
    from rsitmd_tools.workspace import Workspace
    from rsitmd_tools.workspace.merge import changed_by_others

    with Workspace.open(subject.dataset.source) as workspace:
        others = changed_by_others(workspace)
    for image in subject.dataset:
        for index, sentence in enumerate(image.sentences):
            other = others.get((image.filename, index))
            if other is not None:
                told = f"written by {sentence.annotator}, changed by {other}"
                yield Violation(told, image, index)

"""N108: a machine's text submitted as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("N108", "untouched-machine-text", "warning")
def untouched_machine_text(subject: Subject) -> Iterator[Violation]:
    """An annotator submitted a pre-filled text without changing it.

    The server takes it as the annotator's own. It does not count as a sentence of the image
    and no release takes it. Only a workspace knows which texts were given.

    Bad:
        given: "There are two planes.", submitted: "There are two planes."
    Good:
        given: "There are two planes.", submitted: "Two white planes stand at the terminal."
    Fix:
        Send it back, or let somebody else caption the image.
    """
    if subject.dataset.format != "workspace":
        return
    from rsitmd_tools.workspace import Workspace
    from rsitmd_tools.workspace.merge import untouched_sentences

    images = {image.filename: image for image in subject.dataset}
    with Workspace.open(subject.dataset.source) as workspace:
        rows = untouched_sentences(workspace)
    for row in rows:
        if row["filename"] in images:
            yield Violation(message(row), images[row["filename"]])


def message(row: Mapping[str, Any]) -> str:
    """Return what is said of a row of ``untouched_sentences``.

    The sentence is none of its image's, so that the finding has no index: a review knows it
    again by this text.
    """
    return f"{row['email']} submitted a machine's text as sentence {row['number']}: {row['raw']!r}"

"""N108: machine text that was submitted unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("N108", "untouched-machine-text", "warning")
def untouched_machine_text(subject: Subject) -> Iterator[Violation]:
    """An annotator submitted a pre-filled text without changing it.

    The server stores it as the annotator's own text. It does not count as a sentence of the
    image and is not released. Only a workspace records which texts were pre-filled.

    Bad:
        pre-filled: "There are two planes.", submitted: "There are two planes."
    Good:
        pre-filled: "There are two planes.", submitted: "Two white planes stand at the terminal."
    Fix:
        Send it back, or assign the image to another annotator.
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
    """Return the message for a row of ``untouched_sentences``.

    The text is not a sentence of its image, so the finding has no index: a review identifies it
    by this message.
    """
    return f"{row['email']} submitted a machine's text as sentence {row['number']}: {row['raw']!r}"

"""The sentences that a reviewer can decide about, including those that were left empty."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from rsitmd_tools.dataset.naming import SentenceName
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.numbering import numbers_before
from rsitmd_tools.workspace.review import reviewed_annotations
from rsitmd_tools.workspace.states import ACCEPTED, NEW
from rsitmd_tools.workspace.texts import sentence_row


@dataclass(frozen=True, slots=True)
class Empty:
    """A sentence that the annotator left empty: it has no row in the database.

    Attributes:
        annotation: Row of the annotation.
        slot: Number of the text area on the labeling page.
    """

    annotation: int
    slot: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A sentence of the latest revision of an annotation.

    Attributes:
        key: Its row, or its place if it has no row.
        image: File name of its image.
        name: Its annotator and number.
        raw: The text; "" if it was left empty.
        state: One of :mod:`rsitmd_tools.workspace.states`.
        task: Number of its task on the server.
        project: Number of its project on the server.
        shared: Whether several annotators work in that project.
    """

    key: int | Empty
    image: str
    name: SentenceName
    raw: str
    state: str
    task: int
    project: int
    shared: bool

    @property
    def annotator(self) -> str:
        """Address of its annotator."""
        return str(self.name.annotator)

    @property
    def label(self) -> str:
        """Its image, annotator and number, for messages."""
        return f"{self.image}, {self.name.label}"


def sentences(workspace: Workspace) -> dict[int | Empty, Entry]:
    """Return the sentences of the latest revisions by key, including those left empty.

    Sentences of a pilot are left out. Of annotations that were deleted on the server, only
    accepted sentences are returned.
    """
    before = numbers_before(workspace)
    asked = workspace.settings.annotation.sentences_asked
    found: dict[int | Empty, Entry] = {}
    for annotation in reviewed_annotations(workspace):
        # A page with other work did not ask for the sentences of the configured one.
        slots = {*annotation.sentences, *range(1, (asked if annotation.finished else 0) + 1)}
        if annotation.deleted:
            slots = {s for s, text in annotation.sentences.items() if text.state == ACCEPTED}
        for slot in sorted(slots):
            text = annotation.sentences.get(slot)
            number = before[annotation.row] + slot
            key = Empty(annotation.row, slot) if text is None else text.row
            found[key] = Entry(
                key=key,
                image=annotation.filename,
                name=SentenceName(annotation.email, number, several=asked > 1 or number > 1),
                raw="" if text is None else text.raw,
                state=NEW if text is None else text.state,
                task=annotation.task,
                project=annotation.project,
                shared=annotation.shared,
            )
    return found


def row_of(db: sqlite3.Connection, key: int | Empty) -> int:
    """Return the row of a sentence; one that was left empty gets a row with an empty text.

    Call it inside a transaction. No dataset contains an empty sentence.
    """
    return key if isinstance(key, int) else sentence_row(db, key.annotation, key.slot)

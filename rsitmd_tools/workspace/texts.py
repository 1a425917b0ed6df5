"""The texts of annotations and of models: the tables ``sentence``, ``keyword``, ``prediction``.

The functions that change something must be called inside a transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from rsitmd_tools.workspace.states import NEW, REPLACED

Slotted = tuple[int, str]  # a text and the number of its field on the labeling page


class SentenceRow(NamedTuple):
    """A sentence of one revision of an annotation.

    Attributes:
        row: Row in the table ``sentence``.
        slot: Number of its field on the labeling page.
        raw: The text; empty if the field was left empty and the sentence was sent back.
        state: One of the states in :mod:`rsitmd_tools.workspace.states`.
    """

    row: int
    slot: int
    raw: str
    state: str


class Decision(NamedTuple):
    """A change of a sentence's state.

    Attributes:
        decided_by: Name of the reviewer, or :data:`~rsitmd_tools.workspace.states.PULL`.
        note: The reason; may be empty.
        codes: Codes of the rules with a finding, separated by blanks.
        state: The state that the sentence got.
        decided_at: When it was decided, by the clock of this computer, ISO 8601 UTC.
    """

    decided_by: str
    note: str
    codes: str
    state: str
    decided_at: str


class Captions(NamedTuple):
    """The captions that a model made for an image.

    Attributes:
        model: Name and version of the model; empty if there are no captions.
        texts: The captions in order.
    """

    model: str
    texts: list[str]


def sentences_of(db: sqlite3.Connection, annotation: int) -> list[SentenceRow]:
    """Return the sentences of a revision, in the order of the labeling page."""
    rows = db.execute(
        "SELECT id, slot, raw, state FROM sentence WHERE annotation_id = ? ORDER BY slot",
        (annotation,),
    )
    return [SentenceRow(*row) for row in rows]


def add_texts(
    db: sqlite3.Connection,
    annotation: int,
    sentences: Iterable[Slotted],
    keywords: Iterable[Slotted],
) -> None:
    """Store the sentences and keywords of a revision."""
    db.executemany(
        "INSERT INTO sentence (annotation_id, slot, raw) VALUES (?, ?, ?)",
        [(annotation, slot, raw) for slot, raw in sentences],
    )
    db.executemany(
        "INSERT INTO keyword (annotation_id, slot, raw) VALUES (?, ?, ?)",
        [(annotation, slot, raw) for slot, raw in keywords],
    )


def sentence_row(db: sqlite3.Connection, annotation: int, slot: int) -> int:
    """Return the row of a sentence; add an empty sentence if it has none.

    Call it inside a transaction. No dataset contains an empty sentence.

    Args:
        db: The workspace's database.
        annotation: Row in table ``annotation``.
        slot: Number of the text area on the labeling page, from 1.
    """
    db.execute(
        "INSERT OR IGNORE INTO sentence (annotation_id, slot, raw) VALUES (?, ?, '')",
        (annotation, slot),
    )
    row = db.execute(
        "SELECT id FROM sentence WHERE annotation_id = ? AND slot = ?", (annotation, slot)
    ).fetchone()
    return int(row["id"])


def last_decision(db: sqlite3.Connection, sentence: int) -> Decision | None:
    """Return the last decision about a sentence, or None.

    The replacement of the sentence by a new revision is not a decision.
    """
    row = db.execute(
        "SELECT decided_by, note, codes, after, decided_at FROM decision"
        " WHERE sentence_id = ? AND after <> ? ORDER BY id DESC LIMIT 1",
        (sentence, REPLACED),
    ).fetchone()
    return None if row is None else Decision(*row)


def decided_sentences(db: sqlite3.Connection, annotation: int) -> list[SentenceRow]:
    """Return the decided sentences of an author for the same image, outside pilots.

    They are those of other annotations, also in other projects and of those that were deleted on
    the server. Sentences that were replaced are left out.

    Args:
        db: The workspace's database.
        annotation: Row of the revision whose author and image are meant.
    """
    rows = db.execute(
        "SELECT sentence.id, sentence.slot, sentence.raw, sentence.state"
        " FROM annotation AS own JOIN main_task AS its ON its.id = own.task_id"
        " JOIN main_task ON main_task.image_id = its.image_id"
        " JOIN annotation ON annotation.task_id = main_task.id"
        " AND annotation.annotator_id = own.annotator_id AND annotation.id <> own.id"
        " JOIN sentence ON sentence.annotation_id = annotation.id"
        " WHERE own.id = ? AND sentence.state NOT IN (?, ?) ORDER BY sentence.id",
        (annotation, NEW, REPLACED),
    )
    return [SentenceRow(*row) for row in rows]


def copy_seen_findings(db: sqlite3.Connection, source: int, target: int) -> None:
    """Mark the findings that a review has listed for one sentence as listed for another."""
    db.execute(
        "INSERT OR IGNORE INTO seen_finding SELECT ?, code, message, seen_at"
        " FROM seen_finding WHERE sentence_id = ?",
        (target, source),
    )


def forget_seen_findings(db: sqlite3.Connection, sentence: int) -> None:
    """Let the next review list the findings of a sentence again."""
    db.execute("DELETE FROM seen_finding WHERE sentence_id = ?", (sentence,))


def given_texts(db: sqlite3.Connection, annotation: int, written: str | None) -> list[str]:
    """Return the texts that annotators were given for the image of an annotation.

    Those that were replaced since come last.

    Args:
        db: The workspace's database.
        annotation: Row of the annotation.
        written: When it was written, by the clock of this computer; texts that were added later
            are left out. None if that is not known.
    """
    image = (
        "image_id = (SELECT image_id FROM task JOIN annotation ON annotation.task_id = task.id"
        " WHERE annotation.id = ?)"
    )
    rows = [
        *db.execute(
            f"SELECT raw FROM prediction WHERE {image} AND (? IS NULL OR added_at <= ?)"
            " ORDER BY slot, model",
            (annotation, written, written),
        ),
        *db.execute(
            f"SELECT raw FROM replaced_prediction WHERE {image} ORDER BY id", (annotation,)
        ),
    ]
    return [row["raw"] for row in rows]


def set_origin(
    db: sqlite3.Connection, sentence: int, origin: str, machine: str | None, distance: int | None
) -> None:
    """Store where a sentence comes from.

    Args:
        db: The workspace's database.
        sentence: Row of the sentence.
        origin: One of the origins in :mod:`rsitmd_tools.dataset.records`.
        machine: The most similar of the texts that were given, or None.
        distance: Edit distance to that text in characters, or None.
    """
    db.execute(
        "UPDATE sentence SET origin = ?, machine_raw = ?, edit_distance = ? WHERE id = ?",
        (origin, machine, distance, sentence),
    )


def copy_origin(db: sqlite3.Connection, source: int, target: int) -> None:
    """Store for a sentence that it comes from where another one comes from."""
    db.execute(
        "UPDATE sentence SET (origin, machine_raw, edit_distance) ="
        " (SELECT origin, machine_raw, edit_distance FROM sentence WHERE id = ?) WHERE id = ?",
        (source, target),
    )


def newest_captions(db: sqlite3.Connection, image: int) -> Captions:
    """Return the captions of the model whose captions for an image were added last."""
    rows = db.execute(
        "SELECT model, raw FROM prediction WHERE image_id = ? AND model ="
        " (SELECT model FROM prediction WHERE image_id = ? ORDER BY id DESC LIMIT 1)"
        " ORDER BY slot",
        (image, image),
    ).fetchall()
    return Captions(rows[0]["model"] if rows else "", [row["raw"] for row in rows])

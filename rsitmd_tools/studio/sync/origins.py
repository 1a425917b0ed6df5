"""Where a sentence comes from: a human, a machine and a human, or a machine alone.

The server submits a pre-filled text that nobody touched as the annotator's own, and its own
marks of origin are lost on text areas. So a text is held against what was given for its image.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

from rsitmd_tools.dataset.records import CHANGED, HUMAN, UNTOUCHED
from rsitmd_tools.quality.texts import edit_distance, folded

# A text that keeps less than this share of the given one is written anew.
LEAST_KEPT = 0.5


class Origin(NamedTuple):
    """Where a sentence comes from.

    Attributes:
        origin: :data:`HUMAN`, :data:`CHANGED` or :data:`UNTOUCHED`.
        machine: The nearest of the texts that were given for the image; None where none was.
        distance: Characters that were inserted, removed or replaced (Levenshtein) against it.
    """

    origin: str
    machine: str | None = None
    distance: int | None = None


def origin_of(raw: str, given: Iterable[str], *, started_from: bool = False) -> Origin:
    """Say where a sentence comes from.

    Case, white space and punctuation at the end do not make a text a human's. A human's own
    text has a distance too where texts were given: its author could see them.

    Args:
        raw: The sentence.
        given: The texts given to annotators for its image.
        started_from: Whether the server says that the annotation began as a copy of a
            prediction: then any text is a changed one, however much was changed.
    """
    best: tuple[int, str] | None = None
    for text in given:
        if _bare(text) == _bare(raw):
            return Origin(UNTOUCHED, text, edit_distance(raw, text))
        distance = edit_distance(raw, text)
        if best is None or distance < best[0]:
            best = (distance, text)
    if best is None:
        return Origin(HUMAN)
    distance, text = best
    if started_from or distance <= (1 - LEAST_KEPT) * max(len(raw), len(text)):
        return Origin(CHANGED, text, distance)
    return Origin(HUMAN, text, distance)


def mark_origins(db: sqlite3.Connection, annotation: int, entry: dict[str, Any]) -> None:
    """Write the origin of each sentence of an annotation; call it inside a transaction.

    Args:
        db: The workspace's database.
        annotation: Row of the annotation.
        entry: The annotation as the server sent it.
    """
    given = [
        row["raw"]
        for row in db.execute(
            "SELECT prediction.raw FROM prediction JOIN task USING (image_id)"
            " JOIN annotation ON annotation.task_id = task.id WHERE annotation.id = ?"
            " ORDER BY slot, model",
            (annotation,),
        )
    ]
    if not given:
        return
    copied = entry.get("parent_prediction") is not None
    for row in db.execute(
        "SELECT id, raw FROM sentence WHERE annotation_id = ?", (annotation,)
    ).fetchall():
        found = origin_of(row["raw"], given, started_from=copied)
        db.execute(
            "UPDATE sentence SET origin = ?, machine_raw = ?, edit_distance = ? WHERE id = ?",
            (*found, row["id"]),
        )


def _bare(text: str) -> str:
    return folded(text).rstrip(" .!?;,")

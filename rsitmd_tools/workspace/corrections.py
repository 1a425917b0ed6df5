"""Corrections of sentences by ``validate --fix``: the table ``correction``."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rsitmd_tools.workspace.store import Workspace


@dataclass(frozen=True, slots=True)
class StoredText:
    """The text of a sentence.

    Attributes:
        raw: The text.
        machine: The nearest text of a model that the annotator was given, or None.
    """

    raw: str
    machine: str | None


def stored_text(workspace: Workspace, sentence: int | None) -> StoredText | None:
    """Return the text of a sentence by its row, or None if it does not exist."""
    row = workspace.db.execute(
        "SELECT raw, machine_raw FROM sentence WHERE id = ?", (sentence,)
    ).fetchone()
    return None if row is None else StoredText(row["raw"], row["machine_raw"])


def record_correction(
    db: sqlite3.Connection,
    sentence: int,
    before: str,
    after: str,
    *,
    edit_distance: int | None,
    codes: str,
    tool: str,
    made_at: str,
) -> None:
    """Change the text of a sentence and keep the text before. Call it inside a transaction.

    Args:
        db: The workspace's database.
        sentence: Row of the sentence.
        before: The text that is replaced.
        after: The new text.
        edit_distance: Distance of the new text from the model's text, in characters; None
            without a text of a model.
        codes: Codes of the rules that demanded the change, separated by spaces.
        tool: Name and version of the tool.
        made_at: ISO 8601, UTC.
    """
    db.execute(
        "INSERT INTO correction (sentence_id, before, after, codes, tool, made_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (sentence, before, after, codes, tool, made_at),
    )
    db.execute(
        "UPDATE sentence SET raw = ?, edit_distance = ? WHERE id = ?",
        (after, edit_distance, sentence),
    )


def written_text(db: sqlite3.Connection, sentence: int, raw: str) -> str:
    """Return the text of a sentence as its annotator wrote it, before corrections.

    Args:
        db: The workspace's database.
        sentence: Row of the sentence.
        raw: Its text now.
    """
    row = db.execute(
        "SELECT before FROM correction WHERE sentence_id = ? ORDER BY id LIMIT 1", (sentence,)
    ).fetchone()
    return raw if row is None else str(row["before"])


def written_texts(db: sqlite3.Connection) -> dict[int, str]:
    """Return the text before corrections of each corrected sentence, by row of the sentence."""
    # The first correction of a sentence replaced the text that its annotator wrote.
    rows = db.execute("SELECT sentence_id, before FROM correction ORDER BY id DESC")
    return dict(rows.fetchall())


def repeat_corrections(db: sqlite3.Connection, before: int, after: int) -> None:
    """Correct a sentence as the same one of an earlier revision. Call it inside a transaction.

    Args:
        db: The workspace's database.
        before: Row of the corrected sentence.
        after: Row of a sentence with the text that was corrected.
    """
    db.execute(
        "INSERT INTO correction (sentence_id, before, after, codes, tool, made_at)"
        " SELECT ?, before, after, codes, tool, made_at FROM correction"
        " WHERE sentence_id = ? ORDER BY id",
        (after, before),
    )
    db.execute(
        "UPDATE sentence SET (raw, edit_distance) ="
        " (SELECT raw, edit_distance FROM sentence WHERE id = ?) WHERE id = ?",
        (before, after),
    )

"""Imported sentences that ``validate --fix`` changed: the table ``imported_correction``."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rsitmd_tools.workspace.store import Workspace


def stored_imported_text(workspace: Workspace, sentence: int) -> str | None:
    """Return the text of an imported sentence by its row, or None if it does not exist."""
    row = workspace.db.execute(
        "SELECT raw FROM imported_sentence WHERE id = ?", (sentence,)
    ).fetchone()
    return None if row is None else str(row["raw"])


def record_imported_correction(
    db: sqlite3.Connection,
    sentence: int,
    before: str,
    after: str,
    *,
    codes: str,
    tool: str,
    made_at: str,
) -> None:
    """Change an imported sentence and keep the text before. Call it inside a transaction.

    Args:
        db: The workspace's database.
        sentence: Row in the table ``imported_sentence``.
        before: The text that is replaced.
        after: The new text.
        codes: Codes of the rules that demanded the change, separated by spaces.
        tool: Name and version of the tool.
        made_at: ISO 8601, UTC.
    """
    db.execute(
        "INSERT INTO imported_correction (imported_sentence_id, before, after, codes, tool,"
        " made_at) VALUES (?, ?, ?, ?, ?, ?)",
        (sentence, before, after, codes, tool, made_at),
    )
    db.execute("UPDATE imported_sentence SET raw = ? WHERE id = ?", (after, sentence))


def imported_changes(workspace: Workspace, image: int) -> list[dict[str, object]]:
    """Return the imported sentences of an image (row) with the changes by ``validate --fix``.

    Returns:
        ``dataset``, ``time`` (of the import), ``number``, ``raw`` and ``corrections`` (``time``,
        ``before``, ``after``, ``codes``) of each.
    """
    found: list[dict[str, object]] = []
    for number, row in enumerate(
        workspace.db.execute(
            "SELECT imported_sentence.id, dataset, imported_at, raw FROM imported_sentence"
            " JOIN imported_image ON imported_image.id = imported_image_id"
            " WHERE image_id = ? ORDER BY imported_image.id, slot",
            (image,),
        ).fetchall(),
        1,
    ):
        changes = workspace.db.execute(
            "SELECT made_at AS time, before, after, codes FROM imported_correction"
            " WHERE imported_sentence_id = ? ORDER BY id",
            (row["id"],),
        )
        found.append(
            {
                "dataset": row["dataset"],
                "time": row["imported_at"],
                "number": number,
                "raw": row["raw"],
                "corrections": [
                    {**dict(change), "codes": change["codes"].split()} for change in changes
                ],
            }
        )
    return found

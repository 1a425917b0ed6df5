"""What a new revision of an annotation means for the states of its sentences."""

from __future__ import annotations

import sqlite3

from rsitmd_tools.workspace.states import ACCEPTED, NEW, PULL, REPLACED, SENT_BACK, move


def carry_over(db: sqlite3.Connection, before: int, after: int) -> int:
    """Mark the sentences of an old revision as replaced.

    A sentence that the new revision repeats word for word keeps what was decided about it:
    accepted stays accepted, and what was sent back and not changed stays sent back. So does
    what was sent back and is empty in the new revision, or still is.

    Args:
        db: The workspace's database, in a transaction.
        before: Row of the old revision in table ``annotation``.
        after: Row of the new one.

    Returns:
        How many sentences that were sent back are written anew.
    """
    corrected = 0
    new = {row["slot"]: row for row in _sentences(db, after)}
    for old in _sentences(db, before):
        row = new.get(old["slot"])
        if row is None and old["state"] == SENT_BACK:
            row = _empty(db, after, old["slot"])
        if row is not None and row["raw"] == old["raw"]:
            db.execute(
                "INSERT OR IGNORE INTO seen_finding SELECT ?, code, message, seen_at"
                " FROM seen_finding WHERE sentence_id = ?",
                (row["id"], old["id"]),
            )
        kept = row is not None and row["raw"] in ("", old["raw"])
        if row is not None and kept and old["state"] != NEW:
            last = db.execute(
                "SELECT * FROM decision WHERE sentence_id = ? ORDER BY id DESC LIMIT 1",
                (old["id"],),
            ).fetchone()
            note, codes = ("", "") if last is None else (last["note"], last["codes"])
            by = PULL if last is None else last["decided_by"]
            move(db, row["id"], old["state"], by, note=note, codes=codes)
        elif old["state"] == SENT_BACK:
            corrected += 1
        if old["state"] != REPLACED:
            move(db, old["id"], REPLACED, PULL)
    return corrected


def changed_accepted(db: sqlite3.Connection, before: int, after: int) -> list[int]:
    """Return which accepted sentences of an old revision have other words in the new one.

    Args:
        db: The workspace's database.
        before: Row of the old revision in table ``annotation``.
        after: Row of the new one.

    Returns:
        Numbers of the sentences on the page.
    """
    new = {row["slot"]: row["raw"] for row in _sentences(db, after)}
    return [
        row["slot"]
        for row in _sentences(db, before)
        if row["state"] == ACCEPTED and new.get(row["slot"]) != row["raw"]
    ]


def restore(db: sqlite3.Connection, before: int | None, after: int) -> None:
    """Make an old revision the one that counts again, as the server brought it back.

    Its sentences are new again: they have to be looked at once more.
    """
    for row in [] if before is None else _sentences(db, before):
        if row["state"] != REPLACED:
            move(db, row["id"], REPLACED, PULL)
    for row in _sentences(db, after):
        if row["state"] == REPLACED:
            move(db, row["id"], NEW, PULL)


def _sentences(db: sqlite3.Connection, annotation: int) -> list[sqlite3.Row]:
    return db.execute(
        "SELECT * FROM sentence WHERE annotation_id = ? ORDER BY slot", (annotation,)
    ).fetchall()


def _empty(db: sqlite3.Connection, annotation: int, slot: int) -> sqlite3.Row:
    """Make the row of a sentence that was left empty."""
    db.execute(
        "INSERT INTO sentence (annotation_id, slot, raw) VALUES (?, ?, '')", (annotation, slot)
    )
    row: sqlite3.Row = db.execute(
        "SELECT * FROM sentence WHERE annotation_id = ? AND slot = ?", (annotation, slot)
    ).fetchone()
    return row


def is_double(
    db: sqlite3.Connection, task: int, author: int, number: int, result: str, present: set[int]
) -> bool:
    """Say whether an annotation that is new here is a copy of an earlier one of its author.

    On SQLite the server repeats a request whose database was locked, and where the annotation
    had been stored already it stands there twice, region by region the same. It is told by any
    revision of the earlier one, which may have been changed since. When the earlier one is
    gone, the copy takes its place.

    Args:
        db: The workspace's database.
        task: Row of the task.
        author: Row of the author.
        number: The annotation's number on the server.
        result: What it says, as the workspace keeps it.
        present: Numbers of the task's annotations on the server.
    """
    rows = db.execute(
        "SELECT server_id, annotator_id, result FROM annotation WHERE task_id = ?", (task,)
    ).fetchall()
    if any(row["server_id"] == number for row in rows):
        return False
    return any(
        row["server_id"] < number
        and row["server_id"] in present
        and (row["annotator_id"], row["result"]) == (author, result)
        for row in rows
    )

"""The state of a sentence and its transitions: all of them are here."""

from __future__ import annotations

import sqlite3

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.workspace.store import utc_now

NEW = "new"
SENT_BACK = "sent back"
ACCEPTED = "accepted"
REPLACED = "replaced"
REJECTED = "rejected"

# Who decides as "pull": a new revision replaces the old one, whatever was decided about it.
PULL = "pull"

TRANSITIONS: dict[str, frozenset[str]] = {
    NEW: frozenset({ACCEPTED, SENT_BACK, REJECTED, REPLACED}),
    SENT_BACK: frozenset({ACCEPTED, SENT_BACK, REJECTED, REPLACED}),
    ACCEPTED: frozenset({ACCEPTED, SENT_BACK, REJECTED, REPLACED}),
    REJECTED: frozenset({ACCEPTED, SENT_BACK, REJECTED, REPLACED}),
    # Only where the server brings an old revision back, as from a backup.
    REPLACED: frozenset({NEW}),
}


def move(
    db: sqlite3.Connection,
    sentence: int,
    state: str,
    decided_by: str,
    *,
    note: str = "",
    codes: str = "",
) -> None:
    """Change the state of a sentence and record who did it, when and why.

    Call it inside a transaction. A second reviewer's equal decision is recorded too.

    Args:
        db: The workspace's database.
        sentence: Row of table ``sentence``.
        state: The new state.
        decided_by: A reviewer's name, or :data:`PULL`.
        note: Why; an annotator reads it where a sentence is sent back.
        codes: Codes of the rules that found something, by blanks.

    Raises:
        RsitmdError: There is no such transition.
    """
    before = db.execute("SELECT state FROM sentence WHERE id = ?", (sentence,)).fetchone()["state"]
    if state not in TRANSITIONS[before]:
        raise RsitmdError(
            f"a sentence that is {before} cannot become {state}",
            where=f"row {sentence} of the table sentence",
        )
    db.execute("UPDATE sentence SET state = ? WHERE id = ?", (state, sentence))
    db.execute(
        "INSERT INTO decision (sentence_id, before, after, decided_by, note, codes, decided_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (sentence, before, state, decided_by, note, codes, utc_now()),
    )

"""The states of a sentence and the transitions between them."""

from __future__ import annotations

import sqlite3

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.workspace.store import utc_now

NEW = "new"
SENT_BACK = "sent back"
ACCEPTED = "accepted"
REPLACED = "replaced"
REJECTED = "rejected"

# Author of the decisions of a pull: a new revision replaces the old one in any state.
PULL = "pull"

TRANSITIONS: dict[str, frozenset[str]] = {
    NEW: frozenset({ACCEPTED, SENT_BACK, REJECTED, REPLACED}),
    SENT_BACK: frozenset({ACCEPTED, SENT_BACK, REJECTED, REPLACED}),
    ACCEPTED: frozenset({ACCEPTED, SENT_BACK, REJECTED, REPLACED}),
    REJECTED: frozenset({ACCEPTED, SENT_BACK, REJECTED, REPLACED}),
    # Only if the server restores an old revision, such as from a backup.
    REPLACED: frozenset({NEW, ACCEPTED, SENT_BACK, REJECTED}),
}


def move(
    db: sqlite3.Connection,
    sentence: int,
    state: str,
    decided_by: str,
    *,
    note: str = "",
    codes: str = "",
    decided_at: str | None = None,
) -> None:
    """Change the state of a sentence and record the decision.

    Call it inside a transaction. A decision that does not change the state is recorded too.

    Args:
        db: The workspace's database.
        sentence: Row of table ``sentence``.
        state: The new state.
        decided_by: A reviewer's name, or :data:`PULL`.
        note: The reason; annotators read it if a sentence is sent back.
        codes: Codes of the rules with findings, separated by spaces.
        decided_at: When it was decided, if an earlier decision is repeated; now by default.

    Raises:
        RsitmdError: The transition is not allowed.
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
        (sentence, before, state, decided_by, note, codes, decided_at or utc_now()),
    )

"""Pairs of images that show the same picture or place, and what a person decided about them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rsitmd_tools.workspace.store import Workspace


@dataclass(frozen=True, slots=True)
class StoredPair:
    """Two images of the same picture or place.

    Attributes:
        first: Row of the earlier image.
        second: Row of the later image.
        kind: ``exact``, ``near`` or ``same-place``.
        similarity: 0 to 1.
    """

    first: int
    second: int
    kind: str
    similarity: float


@dataclass(frozen=True, slots=True)
class PairDecision:
    """A person's decision about two images.

    Attributes:
        first: Row of the earlier image.
        second: Row of the later image.
        decision: ``join`` or ``split``.
        decided_by: Who decided; can be empty.
        note: The reason; can be empty.
        decided_at: ISO 8601, UTC.
    """

    first: int
    second: int
    decision: str
    decided_by: str
    note: str
    decided_at: str


def thumbnails(workspace: Workspace) -> dict[int, bytes]:
    """Return the stored thumbnails by the image's row."""
    return dict(workspace.db.execute("SELECT image_id, grey FROM thumbnail").fetchall())


def add_thumbnails(db: sqlite3.Connection, rows: Iterable[tuple[int, bytes]]) -> None:
    """Store thumbnails. Call it inside a transaction.

    Args:
        db: The workspace's database.
        rows: Pairs of an image's row and its thumbnail.
    """
    db.executemany("INSERT OR REPLACE INTO thumbnail VALUES (?, ?)", rows)


def stored_pairs(workspace: Workspace) -> list[StoredPair]:
    """Return all pairs, in the order of the images."""
    rows = workspace.db.execute(
        "SELECT first_id, second_id, kind, similarity FROM image_pair ORDER BY second_id, first_id"
    )
    return [StoredPair(*row) for row in rows]


def add_pairs(db: sqlite3.Connection, pairs: Iterable[StoredPair]) -> None:
    """Add pairs. Of a pair that is known, the kind and the similarity change.

    Call it inside a transaction.
    """
    db.executemany("INSERT OR REPLACE INTO image_pair VALUES (?, ?, ?, ?)", map(astuple, pairs))


def clear_pairs(db: sqlite3.Connection, kinds: Iterable[str]) -> None:
    """Remove all pairs of some kinds. Call it inside a transaction."""
    db.executemany("DELETE FROM image_pair WHERE kind = ?", ((kind,) for kind in kinds))


def decisions(workspace: Workspace) -> list[PairDecision]:
    """Return all decisions about pairs, in order of time."""
    rows = workspace.db.execute(
        "SELECT first_id, second_id, decision, decided_by, note, decided_at FROM pair_decision"
        " ORDER BY id"
    )
    return [PairDecision(*row) for row in rows]


def add_decision(db: sqlite3.Connection, decision: PairDecision) -> None:
    """Record a decision. Call it inside a transaction."""
    db.execute(
        "INSERT INTO pair_decision (first_id, second_id, decision, decided_by, note, decided_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        astuple(decision),
    )

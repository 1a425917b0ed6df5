"""Pairs of images that show the same picture or place, and what a person decided about them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rsitmd_tools.workspace.store import Workspace

Map = tuple[tuple[float, ...], ...]
PLACES_FACT = "places"  # the last image that a search for images of one place compared
JOIN, SPLIT = "join", "split"


@dataclass(frozen=True, slots=True)
class StoredPair:
    """Two images of the same picture or place.

    Attributes:
        first: Row of the earlier image.
        second: Row of the later image.
        kind: ``exact``, ``near`` or ``same-place``.
        similarity: 0 to 1.
        inliers: Keypoints that agree with the map of ``same-place``; None if found by the pixels.
        overlap: Common share of the ground, 0 to 1, or None.
        map: ``(2, 3)`` map from the first image to the second one, in shares of width and height,
            or None.
    """

    first: int
    second: int
    kind: str
    similarity: float
    inliers: int | None = None
    overlap: float | None = None
    map: Map | None = None


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
        "SELECT first_id, second_id, kind, similarity, inliers, overlap, map FROM image_pair"
        " ORDER BY second_id, first_id"
    )
    return [
        StoredPair(first, second, kind, similarity, inliers, overlap, _map(text))
        for first, second, kind, similarity, inliers, overlap, text in rows
    ]


def add_pairs(db: sqlite3.Connection, pairs: Iterable[StoredPair]) -> None:
    """Add pairs. A pair that is known is replaced.

    Call it inside a transaction.
    """
    db.executemany(
        "INSERT OR REPLACE INTO image_pair"
        " (first_id, second_id, kind, similarity, inliers, overlap, map)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (*astuple(pair)[:-1], None if pair.map is None else json.dumps(pair.map))
            for pair in pairs
        ),
    )


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


def linked(
    pairs: Iterable[StoredPair],
    made: Iterable[PairDecision],
    kinds: Collection[str] | None = None,
) -> set[tuple[int, int]]:
    """Return the pairs of rows that count as one picture or place after a person's decisions.

    Args:
        pairs: Pairs that were found.
        made: The decisions, which count for all kinds.
        kinds: Kinds of pairs that count; all by default.
    """
    links = {(pair.first, pair.second) for pair in pairs if kinds is None or pair.kind in kinds}
    for decision in made:
        change = links.add if decision.decision == JOIN else links.discard
        change((decision.first, decision.second))
    return links


def places_searched(workspace: Workspace) -> int | None:
    """Return the row of the last image that was compared for common ground; None if none was."""
    recorded = workspace.fact(PLACES_FACT)
    return None if recorded is None else int(recorded)


def _map(text: str | None) -> Map | None:
    return None if text is None else tuple(tuple(row) for row in json.loads(text))

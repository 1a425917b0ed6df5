"""Which findings a review has listed already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.store import utc_now


def seen(workspace: Workspace) -> set[tuple[int, str, str]]:
    """Return the findings that were listed: row of the sentence, code and message."""
    rows = workspace.db.execute("SELECT sentence_id, code, message FROM seen_finding")
    return {(row["sentence_id"], row["code"], row["message"]) for row in rows}


def mark_seen(workspace: Workspace, findings: Iterable[Mapping[str, Any]]) -> None:
    """Keep that these findings of a review were listed; call it after they were printed.

    Args:
        workspace: The workspace, open to write.
        findings: Findings of a :class:`~rsitmd_tools.studio.campaign.review.ReviewReport`.
    """
    with workspace.transaction() as db:
        db.executemany(
            "INSERT OR IGNORE INTO seen_finding (sentence_id, code, message, seen_at)"
            " VALUES (?, ?, ?, ?)",
            [(f["row"], f["code"], f["message"], utc_now()) for f in findings],
        )

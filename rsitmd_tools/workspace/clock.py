"""The clock of a server, compared with the one of this computer.

The times of annotations are those of the server, the times of decisions those of this computer.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

from rsitmd_tools.workspace.store import Workspace

STEP_SECONDS = 60.0  # smaller differences can come from slow answers


def record_clock(workspace: Workspace, server: str, sent_at: str, changed_at: str) -> None:
    """Record by how much the clock of a server is ahead. Call it inside a transaction.

    The time that the request needed counts as part of it. So a change that the server records
    after this one is always newer than a decision that was made before the request.

    Args:
        workspace: The workspace.
        server: Key of the server.
        sent_at: When a request was sent, by the clock of this computer.
        changed_at: When the server carried it out, by its own clock.
    """
    ahead = datetime.fromisoformat(changed_at) - datetime.fromisoformat(sent_at)
    workspace.set_fact(_fact(server), str(ahead.total_seconds()))


def notice_set_back(workspace: Workspace, server: str, ahead: float) -> None:
    """Record that the clock of a server was set back. Call it inside a transaction.

    Otherwise, corrections of the next hours would look older than the decisions that asked for
    them.

    Args:
        workspace: The workspace.
        server: Key of the server.
        ahead: By how many seconds its clock is ahead now.
    """
    recorded = workspace.fact(_fact(server))
    if recorded is not None and float(recorded) > ahead + STEP_SECONDS:
        workspace.set_fact(_fact(server), str(ahead))


def on_server(db: sqlite3.Connection, server: str, time: str) -> str:
    """Return what the clock of a server showed at a time of this computer."""
    row = db.execute("SELECT value FROM fact WHERE key = ?", (_fact(server),)).fetchone()
    ahead = timedelta(seconds=0.0 if row is None else float(row["value"]))
    shown = (datetime.fromisoformat(time) + ahead).astimezone(UTC)
    return shown.isoformat(timespec="microseconds")


def on_this_computer(
    db: sqlite3.Connection, server: str, time: str, *, same: bool = False
) -> str | None:
    """Return what the clock of this computer showed at a time of a server.

    Args:
        db: The workspace's database.
        server: Key of the server.
        time: A time by the clock of the server.
        same: Whether the server runs on this computer.

    Returns:
        The time; None if the two clocks were never compared.
    """
    row = db.execute("SELECT value FROM fact WHERE key = ?", (_fact(server),)).fetchone()
    if row is None and not same:
        return None
    ahead = timedelta(seconds=0.0 if row is None or same else float(row["value"]))
    shown = (datetime.fromisoformat(time) - ahead).astimezone(UTC)
    return shown.isoformat(timespec="microseconds")


def _fact(server: str) -> str:
    return f"clock.{server}"

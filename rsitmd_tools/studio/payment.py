"""Counts by annotator and week, for payment."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any

from rsitmd_tools.studio.status import COUNTED
from rsitmd_tools.workspace import Workspace

COLUMNS = (
    "annotator", "name", "week", "annotations", "sentences", "accepted", "sent_back", "rejected",
    "machine_untouched", "keywords", "words", "seconds",
)  # fmt: skip


def payment(workspace: Workspace) -> list[dict[str, Any]]:
    """Return what each person wrote in each week, as of the last pull.

    A week is an ISO week of the day (UTC) on which an annotation was first submitted. Texts
    of a machine that nobody touched are counted apart and not as sentences.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in workspace.db.execute(
        "SELECT annotation.id, annotation.created_at, lead_time, annotator.email,"
        f" annotator.name {COUNTED} ORDER BY annotator.id, annotation.created_at"
    ).fetchall():
        year, week, _ = datetime.fromisoformat(entry["created_at"]).isocalendar()
        key = (entry["email"], f"{year}-W{week:02}")
        row = rows.setdefault(
            key,
            {"annotator": key[0], "name": entry["name"], "week": key[1]}
            | dict.fromkeys(COLUMNS[3:], 0),
        )
        row["annotations"] += 1
        row["seconds"] += round(entry["lead_time"] or 0)
        for sentence in workspace.db.execute(
            "SELECT raw, state, origin FROM sentence WHERE annotation_id = ? AND raw <> ''",
            (entry["id"],),
        ):
            if sentence["origin"] == "machine untouched":
                row["machine_untouched"] += 1
                continue
            row["sentences"] += 1
            row["words"] += len(sentence["raw"].split())
            column = sentence["state"].replace(" ", "_")
            if column in row:
                row[column] += 1
        row["keywords"] += workspace.db.execute(
            "SELECT count(*) FROM keyword WHERE annotation_id = ?", (entry["id"],)
        ).fetchone()[0]
    return list(rows.values())


def payment_csv(workspace: Workspace) -> str:
    """Return :func:`payment` as CSV; a text that a spreadsheet would compute is quoted."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in payment(workspace):
        writer.writerow({key: _harmless(value) for key, value in row.items()})
    return stream.getvalue()


def _harmless(value: Any) -> Any:
    """Keep a name such as ``=1+1`` from being a formula."""
    return (
        f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value
    )

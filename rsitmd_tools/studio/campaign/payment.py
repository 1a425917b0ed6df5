"""Counts by annotator and week, for payment."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any

from rsitmd_tools.workspace import Workspace

COLUMNS = (
    "annotator", "name", "week", "annotations", "sentences", "accepted", "sent_back", "rejected",
    "machine_untouched", "keywords", "words", "seconds", "deleted",
)  # fmt: skip


# What was delivered: of each author and image the annotations that count. Where none counts, the
# last one that was deleted on the server: whoever deleted it, the work was done.
DELIVERED = """
    WITH written AS (
        SELECT annotation.*, task.image_id FROM annotation JOIN task ON task.id = task_id
        JOIN project ON project.id = project_id AND project.kind = 'main'
        WHERE latest
    )
    SELECT written.*, annotator.email, annotator.name FROM written
    JOIN annotator ON annotator.id = written.annotator_id
    WHERE deleted_at IS NULL OR NOT EXISTS (
        SELECT 1 FROM written AS other
        WHERE other.annotator_id = written.annotator_id AND other.image_id = written.image_id
        AND (other.deleted_at IS NULL OR other.created_at > written.created_at
             OR (other.created_at = written.created_at AND other.id > written.id))
    )
    ORDER BY annotator.id, written.created_at
"""


def payment(workspace: Workspace) -> list[dict[str, Any]]:
    """Return what each person wrote in each week, as of the last pull.

    A week is an ISO week of the day (UTC) on which an annotation was first submitted. Texts
    of a machine that nobody touched are counted apart and not as sentences. ``deleted`` says how
    many of the sentences are gone from the server; they were delivered all the same.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in workspace.db.execute(DELIVERED).fetchall():
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
            row["deleted"] += entry["deleted_at"] is not None
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

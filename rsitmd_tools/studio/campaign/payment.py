"""``annotate status --payment``: counts by annotator and week."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any

from rsitmd_tools.dataset.records import UNTOUCHED
from rsitmd_tools.formats.hazards import text_cell
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.payment import DeliveredAnnotation, delivered_annotations
from rsitmd_tools.workspace.states import ACCEPTED, REJECTED, SENT_BACK

COLUMNS = (
    "annotator", "name", "week", "annotations", "sentences", "accepted", "sent_back", "rejected",
    "machine_untouched", "keywords", "words", "seconds", "deleted",
    "imported_unchanged",
)  # fmt: skip
_STATE_COLUMNS = {ACCEPTED: "accepted", SENT_BACK: "sent_back", REJECTED: "rejected"}


def payment(workspace: Workspace) -> list[dict[str, Any]]:
    """Return what each annotator wrote in each week, as of the last pull.

    An annotation belongs to the ISO week of the day (UTC) on which it was first submitted.
    Unchanged machine texts have a column of their own and do not count as sentences, and so do
    imported sentences that were submitted unchanged.
    ``deleted`` is the number of sentences that were deleted on the server; the other columns
    contain them too.

    Returns:
        One row per annotator and week, with the keys :data:`COLUMNS`.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for annotation in delivered_annotations(workspace):
        year, week, _ = datetime.fromisoformat(annotation.created_at).isocalendar()
        key = (annotation.email, f"{year}-W{week:02}")
        row = rows.setdefault(
            key,
            {"annotator": key[0], "name": annotation.name, "week": key[1]}
            | dict.fromkeys(COLUMNS[3:], 0),
        )
        _add(row, annotation)
    return list(rows.values())


def _add(row: dict[str, Any], annotation: DeliveredAnnotation) -> None:
    """Add an annotation to the counts of its annotator and week."""
    row["annotations"] += 1
    row["seconds"] += round(annotation.seconds or 0)
    row["keywords"] += annotation.keywords
    for sentence in annotation.sentences:
        if sentence.origin == UNTOUCHED:
            row["machine_untouched"] += 1
            continue
        if sentence.imported:
            row["imported_unchanged"] += 1
            continue
        row["sentences"] += 1
        row["words"] += len(sentence.raw.split())
        row["deleted"] += annotation.deleted
        if sentence.state in _STATE_COLUMNS:
            row[_STATE_COLUMNS[sentence.state]] += 1


def payment_csv(workspace: Workspace) -> str:
    """Return :func:`payment` as CSV; texts that look like formulas are quoted."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in payment(workspace):
        writer.writerow({key: _escape_formula(value) for key, value in row.items()})
    return stream.getvalue()


def _escape_formula(value: Any) -> Any:
    """Prevent a spreadsheet from evaluating a name such as ``=1+1``."""
    return text_cell(value) if isinstance(value, str) else value

"""Findings as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any

from rsitmd_tools.errors import printable
from rsitmd_tools.formats.hazards import FORMULA
from rsitmd_tools.quality.output.findings import Findings

COLUMNS = (
    "code", "name", "severity", "message", "image", "split", "sentence_index", "sentence",
    "annotator", "number",
)  # fmt: skip


def render(findings: Findings) -> str:
    """Return a table with one line per finding.

    A sentence is identified by its text (``sentence``), its annotator and its number from 1
    (``number``); ``sentence_index`` counts from 0, as in JSON. Cells that a spreadsheet would
    execute begin with an apostrophe, and invisible characters are escaped.
    """
    subject = findings.subject
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS)
    for finding in findings.result.findings:
        row: dict[str, Any] = dict.fromkeys(COLUMNS) | finding.as_dict()
        name = subject.name_of(finding)
        if name is not None:
            row |= {"annotator": name.annotator, "number": name.number}
        image = subject.record_of(finding)
        index = finding.sentence_index
        if image is not None and index is not None and index < len(image.sentences):
            row["sentence"] = image.captions[index]
        table.writerow([_cell(row[column]) for column in COLUMNS])
    return stream.getvalue()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if value.startswith(FORMULA) else text

"""Findings as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any

from rsitmd_tools.errors import printable
from rsitmd_tools.quality.output import Findings

COLUMNS = ("code", "name", "severity", "message", "image", "split", "sentence_index", "sentence")
# What a spreadsheet would run as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(findings: Findings) -> str:
    """Return a table with a line a finding; the sentence itself in the last column.

    Cells that a spreadsheet would run as a formula begin with an apostrophe, and
    characters that are not seen are escaped.
    """
    captions: dict[tuple[str | None, str | None], tuple[str, ...]] = {}
    for image in findings.subject.dataset:
        captions.setdefault((image.filename, image.split), image.captions)
    stream = io.StringIO()
    table = csv.writer(stream, lineterminator="\n")
    table.writerow(COLUMNS)
    for finding in findings.result.findings:
        row: dict[str, Any] = finding.as_dict()
        index = finding.sentence_index
        sentences = captions.get((finding.image, finding.split), ())
        told = index is not None and index < len(sentences)
        row["sentence"] = sentences[index] if index is not None and told else None
        table.writerow([_cell(row[column]) for column in COLUMNS])
    return stream.getvalue()


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if value.startswith(_FORMULA) else text

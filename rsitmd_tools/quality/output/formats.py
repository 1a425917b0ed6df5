"""Output formats by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rsitmd_tools.quality.output import csv_table, json_document, text
from rsitmd_tools.quality.output.findings import Findings

FORMATS: Mapping[str, Callable[[Findings], str]] = {
    "csv": csv_table.render,
    "json": json_document.render,
    "text": text.render,
}


def render(name: str, findings: Findings) -> str:
    """Return findings in the format ``text``, ``json`` or ``csv``."""
    return FORMATS[name](findings)

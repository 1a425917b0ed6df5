"""What findings look like: one module a format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rsitmd_tools.quality.check import Result
from rsitmd_tools.quality.subject import Subject


@dataclass(frozen=True, slots=True)
class Findings:
    """All that an output format may need.

    Attributes:
        subject: What was checked.
        result: What was found.
        summary: Counts and what was checked, as in JSON.
    """

    subject: Subject
    result: Result
    summary: dict[str, Any]


def render(name: str, findings: Findings) -> str:
    """Return findings in the format ``text``, ``json`` or ``csv``."""
    from rsitmd_tools.quality.output import csv_table, json_document, text

    formats: dict[str, Callable[[Findings], str]] = {
        "csv": csv_table.render,
        "json": json_document.render,
        "text": text.render,
    }
    return formats[name](findings)

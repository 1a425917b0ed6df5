"""The input of an output format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rsitmd_tools.quality.check import Result
from rsitmd_tools.quality.subject import Subject


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings with their dataset and summary.

    Attributes:
        subject: The checked dataset.
        result: The findings.
        summary: Counts, as in JSON.
    """

    subject: Subject
    result: Result
    summary: dict[str, Any]

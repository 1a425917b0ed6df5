"""What an output format is given."""

from __future__ import annotations

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

"""Findings as one JSON document; schema ``schemas/findings.schema.json``."""

from __future__ import annotations

from rsitmd_tools.indented import indented
from rsitmd_tools.quality.output.findings import Findings


def render(findings: Findings) -> str:
    """Return ``{"findings": [...], "summary": {...}}``."""
    document = {
        "findings": [finding.as_dict() for finding in findings.result.findings],
        "summary": findings.summary,
    }
    # The data may have a lone surrogate, which UTF-8 can only represent as an escape.
    return indented(document, ensure_ascii=True) + "\n"

"""Findings as one JSON document, under ``schemas/findings.schema.json``."""

from __future__ import annotations

import json

from rsitmd_tools.quality.output.findings import Findings


def render(findings: Findings) -> str:
    """Return ``{"findings": [...], "summary": {...}}``."""
    document = {
        "findings": [finding.as_dict() for finding in findings.result.findings],
        "summary": findings.summary,
    }
    # A lone surrogate may stand in the data; only escapes carry it through UTF-8.
    return json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False) + "\n"

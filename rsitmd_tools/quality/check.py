"""Run rules over a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.quality.finding import SEVERITIES, Finding
from rsitmd_tools.quality.registry import Expectations, Subject, selected_rules

__all__ = ["Expectations", "check", "summary"]


def check(
    dataset: Dataset,
    expected: Expectations | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> list[Finding]:
    """Run the selected rules.

    Args:
        dataset: The dataset.
        expected: What it is held to; five sentences and one to five keywords by default.
        select: Codes or their beginnings; all rules when empty.
        ignore: Codes or their beginnings to leave out.

    Returns:
        The findings, image by image, then by code.
    """
    subject = Subject(dataset, expected or Expectations(), _document(dataset))
    findings = [
        finding
        for entry in selected_rules(tuple(select), tuple(ignore))
        for finding in entry.findings(subject)
    ]
    order = {image.filename: index for index, image in enumerate(dataset)}
    return sorted(
        findings,
        key=lambda f: (order.get(f.image or "", -1), f.code, f.sentence_index or 0),
    )


def summary(dataset: Dataset, findings: Sequence[Finding]) -> dict[str, Any]:
    """Return counts of findings by severity and code, and what was checked."""
    by_severity = Counter(finding.severity for finding in findings)
    return {
        "tool": f"rsitmd-tools {__version__}",
        "data_sha256": dataset.checksum(),
        "images": len(dataset),
        "sentences": len(dataset.captions()),
        "severities": {name: by_severity[name] for name in SEVERITIES},
        "codes": dict(sorted(Counter(finding.code for finding in findings).items())),
    }


def _document(dataset: Dataset) -> Any:
    """Return the JSON a dataset was read from; rules hold it against the schema."""
    if dataset.format != "rsitmd":
        return None
    from rsitmd_tools.dataset.formats.rsitmd import load_document

    return load_document(dataset.source) if dataset.source.is_file() else None

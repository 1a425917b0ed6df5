"""Findings for the terminal: grouped by image, then a summary by code."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.errors import count_of, printable
from rsitmd_tools.quality.output.findings import Findings
from rsitmd_tools.quality.registry import all_rules
from rsitmd_tools.quality.split_numbers import described


def render(findings: Findings) -> str:
    """Return the findings as lines; control characters are escaped."""
    return "".join(f"{line}\n" for line in _lines(findings))


def _lines(findings: Findings) -> Iterator[str]:
    record: int | None = -1
    for finding in findings.result.findings:
        if finding.record != record:
            record = finding.record
            image = printable(finding.image or "dataset")
            yield f"{image} ({finding.split})" if finding.split else image
        name = findings.subject.name_of(finding)
        place = "" if name is None else f"{printable(name.label)}: "
        message = printable(finding.message)
        yield f"  {finding.code} {finding.severity}: {place}{message} [{finding.name}]"
    summary = findings.summary
    counts = ", ".join(severity_count(*entry) for entry in summary["severities"].items())
    size = f"{count_of(summary['images'], 'image')}, {count_of(summary['sentences'], 'sentence')}"
    yield f"{size}: {counts}"
    rules = all_rules()
    for code, count in summary["codes"].items():
        yield f"  {code} {count:>7}  {rules[code].severity:8}{rules[code].name}"
    for word in ("ignored", "known"):
        if summary[word]:
            yield f"  {count_of(summary[word], f'{word} finding')} not shown"
    for numbers in summary.get("split_numbers", ()):
        yield f"  {described(numbers)}"
    for code, why in summary["unchecked"].items():
        yield f"  {code} not checked: {why}"


def severity_count(severity: str, count: int) -> str:
    """Return the number of findings of a severity, such as ``1 error`` or ``2 info``."""
    return f"{count} info" if severity == "info" else count_of(count, severity)

"""The baseline: known findings, so that only new ones are reported.

A finding is identified by its rule, its image and its text, not by its position: sentences may
move, and other findings may appear or disappear.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rsitmd_tools import __version__
from rsitmd_tools.atomic import write_json
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, structure_reason
from rsitmd_tools.hashing import sha256_lines
from rsitmd_tools.quality.finding import Finding


@dataclass(frozen=True, slots=True)
class Baseline:
    """The number of known findings by fingerprint."""

    counts: Mapping[str, int]

    @classmethod
    def of(cls, findings: Iterable[Finding], dataset: Dataset) -> Baseline:
        """Return a baseline with the findings of a dataset."""
        return cls(Counter(_fingerprint(finding, dataset) for finding in findings))

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """Read a baseline file.

        Raises:
            RsitmdError: The file does not exist or is not a baseline.
        """
        try:
            counts = json.loads(path.read_text(encoding="utf-8"))["findings"]
            return cls({str(key): int(count) for key, count in counts.items()})
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            OverflowError,
            RecursionError,
        ) as error:
            raise RsitmdError(
                f"is not a file of known findings ({structure_reason(error)})",
                where=path,
                hint="create it again with --write-baseline",
            ) from error

    def write(self, path: Path) -> None:
        """Write the baseline file."""
        write_json(
            path,
            {
                "tool": f"rsitmd-tools {__version__}",
                "findings": dict(sorted(self.counts.items())),
            },
        )

    def unknown(self, findings: Iterable[Finding], dataset: Dataset) -> list[Finding]:
        """Return the findings that are not in the baseline."""
        left = Counter(self.counts)
        new = []
        for finding in findings:
            key = _fingerprint(finding, dataset)
            if left[key] > 0:
                left[key] -= 1
            else:
                new.append(finding)
        return new


def _fingerprint(finding: Finding, dataset: Dataset) -> str:
    captions = () if finding.record is None else dataset.images[finding.record].captions
    index = finding.sentence_index
    text = captions[index] if index is not None and index < len(captions) else finding.message
    digest = sha256_lines([finding.image or "", text])[:16]
    return f"{finding.code}:{digest}"

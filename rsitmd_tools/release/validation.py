"""``validation.json`` of a release: the findings of the rules; errors prevent a release."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rsitmd_tools.collector import without_collector
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.errors import RsitmdError, command_line, count_of
from rsitmd_tools.imaging.pool import ahead_of_use, map_in_order
from rsitmd_tools.quality import check_subject, subject_of, summary
from rsitmd_tools.quality.check import Result, check_records
from rsitmd_tools.quality.output import json_document
from rsitmd_tools.quality.output.findings import Findings
from rsitmd_tools.quality.records import Measured
from rsitmd_tools.quality.registry import selected_rules
from rsitmd_tools.workspace.settings import Settings

VALIDATION = "validation.json"
MANY = 5000  # sentences from which on their check is worth another process


def check_allowed(allowed: Sequence[str]) -> None:
    """Check the codes of errors that do not prevent a release.

    Raises:
        WrongUsage: A code names no rule.
    """
    selected_rules(tuple(allowed), ())


class _Job(NamedTuple):
    """The dataset whose records are checked."""

    source: Path
    pickled: bytes  # dataset and settings; the worker reads them without the garbage collector

    def __str__(self) -> str:
        return str(self.source)


@contextmanager
def records_ahead(dataset: Dataset, settings: Settings) -> Iterator[Callable[[], Result]]:
    """Check the records in another process, while this one goes on.

    Yields:
        A function that waits for the result.
    """
    if len(dataset.captions()) < MANY:
        yield lambda: check_records(subject_of(dataset, settings))
        return
    jobs = [_Job(dataset.source, pickle.dumps((dataset, settings), pickle.HIGHEST_PROTOCOL))]
    with ahead_of_use(
        lambda stop: map_in_order(_check_records, jobs, workers=2, stop=stop)
    ) as results:
        yield lambda: next(results)


@without_collector()
def _check_records(job: _Job) -> Result:
    dataset, settings = pickle.loads(job.pickled)  # noqa: S301 - written by this program
    return check_records(subject_of(dataset, settings))


def validation(
    dataset: Dataset,
    settings: Settings,
    allowed: Sequence[str],
    measured: Measured | None = None,
    records: Callable[[], Result] | None = None,
) -> str:
    """Run the rules over a release; return the findings as the JSON of ``rsitmd validate``.

    Args:
        dataset: The released images.
        settings: Settings of the workspace; ``[validate]`` selects the rules.
        allowed: Codes or families of rules whose errors do not prevent the release.
        measured: The measures of the image files, which are read again without them.
        records: What :func:`records_ahead` yields; without it, the records are checked here.

    Raises:
        RsitmdError: There are findings of severity "error" that are not allowed.
    """
    allowed = tuple(allowed)
    subject = replace(subject_of(dataset, settings), measured=measured)
    result = check_subject(subject, records)
    errors = Counter(
        finding.code
        for finding in result.findings
        if finding.severity == "error" and not finding.code.startswith(allowed or ("-",))
    )
    if errors:
        codes = sorted(errors)
        counts = ", ".join(f"{code} ({errors[code]})" for code in codes)
        raise RsitmdError(
            f"has {count_of(errors.total(), 'finding')} of severity error: {counts}",
            where=dataset.source,
            hint=f"correct them ({command_line('validate', dataset.source)}), or use --allow"
            f" {','.join(codes)}",
        )
    return json_document.render(Findings(subject, result, summary(dataset, result)))

"""Run rules over a dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rsitmd_tools import __version__
from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.dataset.suspects import Suspect
from rsitmd_tools.plugins import PluginError, report
from rsitmd_tools.quality.baseline import Baseline
from rsitmd_tools.quality.finding import SEVERITIES, Finding
from rsitmd_tools.quality.registry import selected_rules
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.workspace.settings import ImageIgnore, Settings

# Families of rules that read no pixels, and rules that compare the captions of splits.
RECORDS = ("D", "S", "K", "N", "L103", "L109")
# Rules that read pixels, and those of them that read the images of other datasets too.
PIXELS = ("I", "L101", "L102", "L105", "L107", "L108")
AGAINST = ("L105", "L108")


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a check.

    Attributes:
        findings: The findings, image by image, then by code.
        ignored: Number of findings that the settings ignore by image and code.
        known: Number of findings in the baseline.
        unchecked: Rules that could not check everything: the reason by code.
        split_numbers: How near every two splits of a release come to each other.
        with_known: The findings and those in the baseline.
    """

    findings: tuple[Finding, ...]
    ignored: int = 0
    known: int = 0
    unchecked: Mapping[str, str] = field(default_factory=dict)
    split_numbers: Sequence[Mapping[str, Any]] = ()
    with_known: tuple[Finding, ...] = ()


def check(
    dataset: Dataset,
    settings: Settings | None = None,
    *,
    against: Sequence[Dataset] = (),
    same_place: bool = False,
) -> list[Finding]:
    """Run the selected rules, and drop findings that the settings ignore.

    Args:
        dataset: The dataset.
        settings: Rules and thresholds; the defaults if None.
        against: Other datasets, for the rules of leakage across datasets.
        same_place: Search for images of one place, for the rule L107.

    Returns:
        The findings, image by image, then by code.

    Raises:
        RsitmdError: A word list, the baseline or a list of expected names is unreadable.
    """
    subject = subject_of(dataset, settings, against, same_place=same_place)
    return list(check_subject(subject).findings)


def subject_of(
    dataset: Dataset,
    settings: Settings | None = None,
    against: Sequence[Dataset] = (),
    *,
    same_place: bool = False,
    suspects: Iterable[Suspect] = (),
) -> Subject:
    """Return a dataset prepared for the rules; see :class:`Subject`."""
    settings = settings or Settings()
    document = _document(dataset)
    return Subject(dataset, settings, document, tuple(against), same_place, tuple(suspects))


def check_subject(subject: Subject, records: Callable[[], Result] | None = None) -> Result:
    """Run the rules over a prepared subject; see :func:`check`.

    Args:
        subject: The subject.
        records: Waits for the result of :func:`check_records` for the same dataset and settings,
            if another process computes it.
    """
    settings = subject.settings.validate
    checked = check_records(subject) if records is None else None
    of_images = _findings(subject, of_records=False)
    if records is not None:
        checked = records()
    assert checked is not None
    found = [*checked.findings, *of_images]
    unchecked = {**checked.unchecked, **subject.unchecked, **_inside_tar(subject)}
    remaining = [finding for finding in found if not _excused(finding, settings.image_ignores)]
    new = remaining
    if settings.baseline is not None:
        new = Baseline.read(settings.baseline).unknown(remaining, subject.dataset)
    new.sort(key=lambda f: (-1 if f.record is None else f.record, f.code, f.sentence_index or 0))
    ignored, known = len(found) - len(remaining), len(remaining) - len(new)
    numbers = tuple(subject.split_numbers)
    return Result(tuple(new), ignored, known, unchecked, numbers, tuple(remaining))


def check_records(subject: Subject) -> Result:
    """Run the selected rules that read no pixels: those of :data:`RECORDS`.

    They take most of the time of a check whose images are measured already, and a process of its
    own can run them. No finding is dropped.
    """
    found = _findings(subject, of_records=True)
    return Result(tuple(found), unchecked=dict(subject.unchecked))


def _findings(subject: Subject, *, of_records: bool) -> list[Finding]:
    """Run the selected rules that are, or are not, of :data:`RECORDS`.

    A rule of another package that fails is reported, and has no findings.
    """
    settings = subject.settings.validate
    found = []
    for entry in selected_rules(settings.select, settings.ignore):
        if entry.code.startswith(RECORDS) == of_records:
            try:
                found += entry.findings(subject)
            except PluginError as error:
                report(error)
                subject.unchecked[entry.code] = error.what
    return found


def summary(dataset: Dataset, result: Result) -> dict[str, Any]:
    """Return counts of findings by severity and code, and what was checked."""
    by_severity = Counter(finding.severity for finding in result.findings)
    return {
        "tool": f"rsitmd-tools {__version__}",
        "data_sha256": dataset.checksum(),
        "images": len(dataset),
        "sentences": len(dataset.captions()),
        "severities": {name: by_severity[name] for name in SEVERITIES},
        "codes": dict(sorted(Counter(finding.code for finding in result.findings).items())),
        "ignored": result.ignored,
        "known": result.known,
        "unchecked": dict(result.unchecked),
        **({"split_numbers": list(result.split_numbers)} if result.split_numbers else {}),
    }


def _inside_tar(subject: Subject) -> dict[str, str]:
    """Return why rules were not checked whose images are inside tar files, by code."""
    settings = subject.settings.validate
    why = {}
    for entry in selected_rules(settings.select, settings.ignore):
        compared = (subject.dataset, *(subject.against if entry.code in AGAINST else ()))
        if entry.code.startswith(PIXELS) and any(_packed(dataset) for dataset in compared):
            why[entry.code] = (
                "images inside tar files were not read; unpack them with"
                " `rsitmd build convert SRC DST --to rsitmd --images copy`"
            )
    return why


def _packed(dataset: Dataset) -> bool:
    return dataset.image_folder is None and bool(dataset.members)


def _excused(finding: Finding, ignores: Sequence[ImageIgnore]) -> bool:
    return any(
        entry.image == finding.image and finding.code.startswith(entry.codes) for entry in ignores
    )


def _document(dataset: Dataset) -> Any:
    """Return the JSON a dataset was read from; rules hold it against the schema."""
    if dataset.format not in ("rsitmd", "karpathy"):
        return None
    from rsitmd_tools.formats.rsitmd import load_document

    return load_document(dataset.source) if dataset.source.is_file() else None

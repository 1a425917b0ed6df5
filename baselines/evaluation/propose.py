"""``benchmark positives``: find candidates, write tasks for annotators, read their answers."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rsitmd_tools.baselines.evaluation.gallery import Gallery
from rsitmd_tools.baselines.evaluation.positives import (
    Pair,
    Rule,
    candidates,
    has_answers,
    read_positives,
    write_positives,
)
from rsitmd_tools.baselines.evaluation.priors import gallery_prior
from rsitmd_tools.baselines.evaluation.verification import read_answers, write_tasks
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.errors import RsitmdError


@dataclass(frozen=True, slots=True)
class PositiveCounts:
    """Counts of a file of positives.

    Attributes:
        pairs: Number of pairs.
        confirmed: Number of confirmed pairs.
        rejected: Number of rejected pairs.
    """

    pairs: int
    confirmed: int
    rejected: int

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> PositiveCounts:
        """Count pairs."""
        decisions = [pair.verified for pair in pairs]
        return cls(len(pairs), decisions.count(True), decisions.count(False))


def propose(
    dataset: Dataset,
    split: str,
    output: Path,
    *,
    tasks: Path | None = None,
    address: str = "",
) -> PositiveCounts:
    """Write the candidates of a split and, if requested, tasks for Label Studio.

    Answers of annotators that the output already has are kept.

    Raises:
        RsitmdError: The split does not exist or is too small, a file cannot be written, or the
            output has answers about other data, is damaged or is no file of positives.
    """
    rule = Rule()
    gallery = Gallery.of(dataset, split)
    answered = _answered(output, gallery)
    with tempfile.TemporaryDirectory() as scratch:
        prior = gallery_prior(gallery, split, Path(scratch))
        pairs = candidates(gallery, prior.prior, prior.rows, prior.columns, rule)
    known = {(pair.text, pair.image): pair for pair in answered}
    pairs = [known.pop((pair.text, pair.image), pair) for pair in pairs]
    pairs += known.values()  # Candidates of another rule or prior.
    write_positives(output, gallery, pairs, rule.as_dict(), split)
    if tasks is not None:
        write_tasks(tasks, gallery, pairs, address)
    return PositiveCounts.of(pairs)


def _answered(file: Path, gallery: Gallery) -> list[Pair]:
    """Return the pairs of an existing file that annotators have decided.

    Raises:
        RsitmdError: They are about other data, or the file is damaged or of another kind.
    """
    try:
        if not has_answers(file):
            return []
    except RsitmdError as error:
        raise RsitmdError(
            f"exists and is not a file of positives ({error.what})",
            where=file,
            hint="correct it, as it may have answers of annotators, or use another file for -o",
        ) from error
    try:
        pairs, _ = read_positives(file, gallery)
    except RsitmdError as error:
        raise RsitmdError(
            "has answers of annotators about other data, which would be lost",
            where=file,
            hint="use another file for -o",
        ) from error
    return [pair for pair in pairs if pair.verified is not None]


def verify(dataset: Dataset, split: str, file: Path, answers: Path) -> PositiveCounts:
    """Add the answers of annotators to a file of positives.

    Raises:
        RsitmdError: A file does not exist, is malformed, belongs to other data, or cannot be
            written.
    """
    if not file.exists():
        raise RsitmdError(
            "does not exist", where=file, hint="first run the command without --answers"
        )
    gallery = Gallery.of(dataset, split)
    pairs, rule = read_positives(file, gallery)
    pairs = read_answers(answers, gallery, pairs)
    write_positives(file, gallery, pairs, rule, split)
    return PositiveCounts.of(pairs)

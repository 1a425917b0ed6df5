"""``benchmark positives``: find extra positives, hand them to people, take them back."""

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
    read_positives,
    write_positives,
)
from rsitmd_tools.baselines.evaluation.priors import gallery_prior
from rsitmd_tools.baselines.evaluation.verification import read_answers, write_tasks
from rsitmd_tools.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Found:
    """What a file of positives holds.

    Attributes:
        pairs: The pairs.
        confirmed: Those that people confirmed.
        rejected: Those that people rejected.
    """

    pairs: int
    confirmed: int
    rejected: int

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> Found:
        """Count pairs."""
        said = [pair.verified for pair in pairs]
        return cls(len(pairs), said.count(True), said.count(False))


def propose(
    dataset: Dataset,
    split: str,
    output: Path,
    *,
    rule: Rule | None = None,
    tasks: Path | None = None,
    address: str = "",
) -> Found:
    """Write the candidates of a split, and tasks for Label Studio where they are wished for.

    Raises:
        RsitmdError: The split is absent or too small, or a file cannot be written.
    """
    rule = rule or Rule()
    gallery = Gallery.of(dataset, split)
    with tempfile.TemporaryDirectory() as scratch:
        prior = gallery_prior(gallery, split, Path(scratch))
        pairs = candidates(gallery, prior.prior, prior.rows, prior.columns, rule)
    write_positives(output, gallery, pairs, rule.as_dict(), split)
    if tasks is not None:
        write_tasks(tasks, gallery, pairs, address)
    return Found.of(pairs)


def verify(dataset: Dataset, split: str, file: Path, answers: Path) -> Found:
    """Take what people said into a file of positives.

    Raises:
        RsitmdError: A file is absent, malformed or of other data, or cannot be written.
    """
    gallery = Gallery.of(dataset, split)
    pairs, rule = read_positives(file, gallery)
    pairs = read_answers(answers, gallery, pairs)
    write_positives(file, gallery, pairs, rule, split)
    return Found.of(pairs)

"""What only the datasheet of a release says: counted from the data, for the card."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from rsitmd_tools.dataset.records import Dataset
from rsitmd_tools.release.changes import Previous
from rsitmd_tools.release.contents import Contents
from rsitmd_tools.splitting.recorded import Assigned, recorded_assignments
from rsitmd_tools.text.fold import folded
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.imported import CORRECTED_FROM, IMPORTED_FROM


@dataclass(frozen=True, slots=True)
class SheetFacts:
    """The facts that answer the questions of a datasheet, apart from the metadata.

    Attributes:
        checksum: SHA-256 of names, splits, sentences and keywords.
        sentences_per_image: Smallest and largest number of sentences of an image.
        keywords_per_image: The same of keywords.
        without_keywords: Number of images without keywords.
        left_out: Number of images that are not finished, or have no file.
        removed: Number of images that a person removed from the dataset.
        blanks: Number of blank sentences that were left out.
        machine_untouched: Number of unchanged machine texts that were left out.
        without_annotator: Number of sentences whose author is not known.
        imported: Number of imported sentences that no annotator corrected, by dataset.
        corrected: Number of imported sentences that annotators corrected, by dataset.
        repeated: Number of sentences that are equal to an earlier one, apart from case and spaces.
        common: Number of sentences that several images have, each counted once.
        shared: Number of sentences that several splits have, each counted once.
        pairs: Number of pairs of released images of one picture or place.
        placed: Number of images with a footprint.
        sides: Smallest and largest side length of an image in pixels of its source.
        annotated: Days of the first and of the last annotation, ``YYYY-MM-DD``, or empty.
        not_accepted: Number of sentences that no reviewer accepted.
        licence: Licence that annotators accept for their texts, or empty.
        without_licence: Number of annotators who have not accepted it.
        assignments: How images were assigned to splits, the earliest assignment first; empty if
            that is not recorded.
        folds: Number of test folds.
        precomp: Whether the release has the folder ``precomp``.
        earlier: Versions of the earlier releases, the latest first.
    """

    checksum: str = ""
    sentences_per_image: tuple[int, int] = (5, 5)
    keywords_per_image: tuple[int, int] = (0, 0)
    without_keywords: int = 0
    left_out: int = 0
    removed: int = 0
    blanks: int = 0
    machine_untouched: int = 0
    without_annotator: int = 0
    imported: dict[str, int] = field(default_factory=dict)
    corrected: dict[str, int] = field(default_factory=dict)
    repeated: int = 0
    common: int = 0
    shared: int = 0
    pairs: int = 0
    placed: int = 0
    sides: tuple[int, int] = (256, 256)
    annotated: tuple[str, str] = ("", "")
    not_accepted: int = 0
    licence: str = ""
    without_licence: int = 0
    assignments: tuple[Assigned, ...] = ()
    folds: int = 0
    precomp: bool = True
    earlier: tuple[str, ...] = ()


def sheet_facts_of(
    workspace: Workspace, content: Contents, previous: Previous | None, *, precomp: bool
) -> SheetFacts:
    """Count what the datasheet of a release says.

    Args:
        workspace: The workspace, for the recorded assignments to splits.
        content: The data of the release.
        previous: The previous release; None for the first one.
        precomp: Whether the release has the folder ``precomp``.
    """
    dataset = content.dataset
    released = {image.filename for image in dataset}
    repeated, common, shared = _equal_sentences(dataset)
    accepts = content.licence or {"name": "", "not_accepted": ()}
    keywords = [len(image.keywords) for image in dataset]
    return SheetFacts(
        checksum=dataset.checksum(),
        sentences_per_image=_range(len(image.sentences) for image in dataset),
        keywords_per_image=_range(keywords),
        without_keywords=keywords.count(0),
        left_out=len(content.left_out),
        removed=content.removed,
        blanks=content.blanks,
        machine_untouched=content.machine_untouched,
        without_annotator=sum(s.annotator is None for image in dataset for s in image.sentences),
        imported=_origins(dataset, IMPORTED_FROM),
        corrected=_origins(dataset, CORRECTED_FROM),
        repeated=repeated,
        common=common,
        shared=shared,
        pairs=len({pair.images for pair in content.pairs if released.issuperset(pair.images)}),
        placed=len(content.places),
        sides=_range(content.sides),
        annotated=((content.annotated_from or "")[:10], (content.annotated_until or "")[:10]),
        # If only accepted sentences are released, the others are counted as left out.
        not_accepted=0 if workspace.settings.release.only_accepted else content.unreviewed,
        licence=accepts["name"],
        without_licence=len(accepts["not_accepted"]),
        assignments=tuple(recorded_assignments(workspace)),
        folds=len(set(content.folds.values())),
        precomp=precomp,
        earlier=() if previous is None else tuple(re.findall(r"(?m)^## (\S+)$", previous.log)),
    )


def _range(numbers: Iterable[int]) -> tuple[int, int]:
    found = set(numbers)
    return min(found), max(found)


def _origins(dataset: Dataset, name: str) -> dict[str, int]:
    """Count the sentences of each other dataset, by a field of the sentences that names it."""
    sentences = (sentence for image in dataset for sentence in image.sentences)
    count = Counter(str(s.extra[name]) for s in sentences if name in s.extra)
    return dict(sorted(count.items()))


def _equal_sentences(dataset: Dataset) -> tuple[int, int, int]:
    """Return how many sentences repeat an earlier one, and how many images and splits share."""
    homes: dict[str, dict[str, str | None]] = defaultdict(dict)
    for image in dataset:
        for text in map(folded, image.captions):
            homes[text][image.filename] = image.split
    return (
        len(dataset.captions()) - len(homes),
        sum(len(images) > 1 for images in homes.values()),
        sum(len(set(images.values())) > 1 for images in homes.values()),
    )

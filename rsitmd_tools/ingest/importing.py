"""``build import``: the images, sentences, keywords and splits of another dataset."""

from __future__ import annotations

import filecmp
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rsitmd_tools.dataset.records import SPLITS, Dataset, ImageRecord, category_of
from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.ingest.imported_files import FileReport, add_files
from rsitmd_tools.ingest.scan import safe_category
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import former_names
from rsitmd_tools.workspace.images import stored_images
from rsitmd_tools.workspace.imported import (
    NewImported,
    add_imported,
    given_keywords,
    imported_images,
    imported_texts,
    reserved_numbers,
)
from rsitmd_tools.workspace.scenes import SourcePlace
from rsitmd_tools.workspace.store import utc_now

# The number at the end of a name. Longer ones are not numbers of images.
_NUMBER = re.compile(r"(?:^|_)([0-9]{1,9})$")
_PLAIN = re.compile(r"0|[1-9][0-9]{0,8}")
_WORD = re.compile(r"\w+")
NO_CATEGORY = "image"


@dataclass(slots=True)
class ImportReport:
    """The result of an import.

    Attributes:
        dataset: Name of the imported dataset.
        images: Number of its images.
        sentences: Number of their sentences.
        added: Number of images whose texts were added.
        known: Number of images whose texts the workspace already has.
        repeated: Images that the dataset names again; their first texts are imported.
        changed: Images whose texts differ from those that were imported before. The earlier
            texts stay.
        other: Images that have no sentence in common with what was imported under their name, or
            more with another image. The earlier texts stay, and the file of another image is not
            added to them.
        keywords: The same for keywords.
        moved: Images whose category or split differs from that of an earlier import, which stays.
        other_split: Split names that the workspace does not have, with the number of images; these
            images have no split.
        categories: Categories whose names differ in the workspace, and their names there.
        keywords_over: Number of keywords beyond ``[annotation] keywords_max`` of an image, which
            are stored but are not in the dataset.
        files: What was done with the image files.
    """

    dataset: str
    images: int = 0
    sentences: int = 0
    added: int = 0
    known: int = 0
    repeated: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    other_split: dict[str, int] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)
    keywords_over: int = 0
    files: FileReport = field(default_factory=FileReport)


def import_dataset(
    workspace: Workspace,
    dataset: Dataset,
    workers: int | None = None,
    places: Mapping[str, SourcePlace] | None = None,
) -> ImportReport:
    """Add the texts of another dataset to a workspace, and its image files as far as they exist.

    An image is identified by the names of the dataset and of the image. What is known is not added
    again, so that an import that was killed can be run again, and a later import adds files that
    were missing. All texts are added in one transaction. The files of a batch are written before
    its rows.

    Args:
        workspace: A workspace opened for writing.
        dataset: The dataset.
        workers: Number of processes for the images; one per core by default.
        places: Places of its images by file name. An image that has a place keeps it.

    Raises:
        RsitmdError: The dataset is a workspace, was made from this one or has no images, another
            dataset of its name was imported, or the workspace cannot be written to.
    """
    if dataset.format == "workspace":
        raise WrongUsage(
            "is a workspace", where=dataset.source, hint="make a release of it and import that"
        )
    report = ImportReport(dataset.name)
    records = _distinct(dataset, report)
    if not records:
        raise RsitmdError("has no images", where=dataset.source, hint="check the file")
    _refuse_own_images(workspace, dataset, records)
    report.other = _other_images(workspace, dataset, records)
    report.images = len(records)
    report.sentences = sum(len(record.sentences) for record in records.values())
    for record in records.values():
        name = record.category or category_of(record.filename)
        if name and _category(name) != name:
            report.categories[name] = _category(name)
    most = workspace.settings.annotation.keywords_max
    report.keywords_over = sum(
        max(len(set(record.keywords)) - most, 0) for record in records.values()
    )
    _add_texts(workspace, dataset.name, records, report)
    other = frozenset(report.other)
    same = {name: record for name, record in records.items() if name not in other}
    report.files = add_files(workspace, dataset, same, workers, places or {})
    return report


def _refuse_own_images(
    workspace: Workspace, dataset: Dataset, records: Mapping[str, ImageRecord]
) -> None:
    """Refuse a dataset that was made from this workspace: each image and sentence would be double.

    Raises:
        WrongUsage: Most of its new images are files of the workspace under the same names.
    """
    known = {image.name for image in imported_images(workspace, dataset.name)}
    sources = {image.filename: image.sha256 for image in stored_images(workspace)}
    new = [record for name, record in records.items() if name not in known]

    def is_own(record: ImageRecord) -> bool:
        own = workspace.images / record.filename
        if record.filename not in sources or not own.is_file():
            return False
        try:
            file = dataset.image_path(record)
            same = filecmp.cmp(file, own, shallow=False)
        except (OSError, RsitmdError):
            return False  # reported later
        # A file that was ingested as it is belongs to the image.
        return same and sha256_file(file) != sources[record.filename]

    own = [record.filename for record in new if is_own(record)]
    if 2 * len(own) > len(new):
        raise WrongUsage(
            f"was made from this workspace: it has {count_of(len(own), 'image file')} of it, first"
            f" {own[0]}",
            where=dataset.source,
            hint="the images and their sentences are in the workspace; import the dataset into"
            " another workspace",
        )


def _other_images(
    workspace: Workspace, dataset: Dataset, records: Mapping[str, ImageRecord]
) -> list[str]:
    """Return the images whose sentences are not those that were imported under their name.

    They share no sentence with these, or more sentences with an image of another name, as in a
    dataset that was numbered again.

    Raises:
        RsitmdError: They are most of the known images, so this is another dataset.
    """
    before = {
        name: _wordings(texts) for name, texts in imported_texts(workspace, dataset.name).items()
    }
    names: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, wordings in before.items():
        for wording in wordings:
            names[wording].append(name)

    def shared(wordings: set[tuple[str, ...]]) -> Counter[str]:
        """Return the number of these sentences that each image has."""
        return Counter(name for wording in wordings for name in names.get(wording, ()))

    both = [
        (name, before[name], _wordings(record.captions))
        for name, record in records.items()
        if name in before
    ]
    known = [(name, old, new) for name, old, new in both if old and new]
    other = [
        name
        for name, old, new in known
        if old != new and (not old & new or max(shared(new).values()) > len(old & new))
    ]
    if 2 * len(other) > len(known):
        raise RsitmdError(
            f"has other sentences than the dataset {dataset.name} in the workspace for"
            f" {count_of(len(other), 'image')} of the same name, first {other[0]}",
            where=dataset.source,
            hint="if it is another dataset, give it a name with --name",
        )
    return other


def _wordings(captions: Sequence[str]) -> set[tuple[str, ...]]:
    """Return the words of captions: formats write spaces and stops in their own way."""
    return {words for text in captions if (words := tuple(_WORD.findall(text.casefold())))}


def _distinct(dataset: Dataset, report: ImportReport) -> dict[str, ImageRecord]:
    """Return the records by location; of records of one location, the first."""
    records: dict[str, ImageRecord] = {}
    for record in dataset:
        if record.location in records:
            report.repeated.append(record.location)
        else:
            records[record.location] = record
    return records


def _add_texts(
    workspace: Workspace, dataset: str, records: dict[str, ImageRecord], report: ImportReport
) -> None:
    known = {image.name: image for image in imported_images(workspace, dataset)}
    before, keywords = imported_texts(workspace, dataset), given_keywords(workspace, dataset)
    other = frozenset(report.other)
    new = []
    for name, record in records.items():
        if name not in known:
            new.append(record)
            continue
        if before.get(name, ()) != record.captions and name not in other:
            report.changed.append(name)
        if keywords.get(name, ()) != record.keywords:
            report.keywords.append(name)
        category = record.category or category_of(record.filename)
        split = record.split if record.split in SPLITS else None
        if (category and _category(category) != known[name].category) or (
            split is not None and split != known[name].split
        ):
            report.moved.append(name)
    for record in records.values():
        if record.split is not None and record.split not in SPLITS:
            report.other_split[record.split] = report.other_split.get(record.split, 0) + 1
    report.known = len(records) - len(new)
    report.added = len(new)
    with workspace.transaction() as db:
        add_imported(db, dataset, _numbered(workspace, dataset, new), utc_now())


def _numbered(
    workspace: Workspace, dataset: str, records: Sequence[ImageRecord]
) -> Iterator[NewImported]:
    """Give each image a category and a number that no other image has.

    An image keeps the number in its name if it is free: first come, first served. The others get
    the next numbers, in the order of the dataset. A number is not free if a renamed or
    recategorised image has, or had, the name with it.
    """
    stored = stored_images(workspace, removed=True)
    taken = {(image.category, image.number) for image in stored}
    taken |= reserved_numbers(workspace)
    names = [*(image.filename for image in stored), *former_names(workspace.db)]
    taken |= {place for name in names if (place := _place_in(name)) is not None}
    categories = [
        _category(record.category or category_of(record.filename) or dataset) for record in records
    ]
    places: list[tuple[str, int] | None] = []
    for record, category in zip(records, categories, strict=True):
        found = _NUMBER.search(Path(record.filename).stem)
        place = None if found is None else (category, int(found.group(1)))
        if place in taken:
            place = None
        if place is not None:
            taken.add(place)
        places.append(place)
    last: dict[str, int] = {}
    for category, number in taken:
        last[category] = max(last.get(category, 0), number)
    for record, category, place in zip(records, categories, places, strict=True):
        if place is None:
            last[category] = last.get(category, 0) + 1
            place = (category, last[category])
        yield NewImported(
            name=record.location,
            category=category,
            number=place[1],
            split=record.split if record.split in SPLITS else None,
            sentences=record.captions,
            keywords=record.keywords,
        )


def _place_in(name: str) -> tuple[str, int] | None:
    """Return the category and the number in a name ``<category>_<number>.tif``, or None."""
    category, _, number = Path(name.casefold()).stem.rpartition("_")
    return (category, int(number)) if _PLAIN.fullmatch(number) else None


def _category(name: str) -> str:
    try:
        return safe_category(name)
    except WrongUsage:
        return NO_CATEGORY

"""The image files of an imported dataset."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from rsitmd_tools.atomic import sync_files, sync_path, write_error
from rsitmd_tools.dataset.records import MISSING_FILE, Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.imaging.perceptual import perceptual_hashes
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.ingest.duplicates import group_duplicates
from rsitmd_tools.ingest.ingest import check_images
from rsitmd_tools.ingest.intake import remove_unfinished_in
from rsitmd_tools.ingest.measured import Measures
from rsitmd_tools.ingest.normalise import Normalised, Target, normalise
from rsitmd_tools.ingest.plan import PRELOAD
from rsitmd_tools.ingest.scan import SUFFIXES, shown
from rsitmd_tools.ingest.spatial import group_places
from rsitmd_tools.ingest.whole import place_whole_images
from rsitmd_tools.progress import progress
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import former_names, removed_rows
from rsitmd_tools.workspace.images import (
    NewImage,
    StoredImage,
    add_images,
    forget_rejected,
    record_rejected,
    stored_images,
)
from rsitmd_tools.workspace.imported import (
    ImportedImage,
    images_with_sentences,
    imported_images,
    link_images,
    repeated_key,
    reserved_numbers,
)
from rsitmd_tools.workspace.readings import ImageReading, add_readings
from rsitmd_tools.workspace.scenes import SourcePlace, add_places, unplaced_imports
from rsitmd_tools.workspace.store import utc_now

BATCH = 64  # files that are taken in at once


@dataclass(slots=True)
class FileReport:
    """What an import did with image files.

    Attributes:
        added: Number of images that were added.
        linked: Number of images that the workspace had already, from an ingest or another dataset.
        restored: Number of images whose missing file in the workspace was written again.
        without_file: Images of this import without an image file.
        rejected: ``(file, reason)`` of the unusable files.
        notes: ``(file, note)`` of the files that were read in part.
        other_suffix: ``(image, file)`` of images whose file has another suffix, case or Unicode
            form.
        kept_split: Images that the workspace had in another split, which they keep.
        more_sentences: Images that the workspace had with sentences, to which those of the dataset
            are added.
        duplicates: Number of images in the workspace that are in a group of duplicates.
        duplicate_groups: Number of groups of duplicates.
        places: Number of images whose place in their source was imported.
    """

    added: int = 0
    linked: int = 0
    restored: int = 0
    without_file: list[str] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    other_suffix: list[tuple[str, str]] = field(default_factory=list)
    kept_split: list[str] = field(default_factory=list)
    more_sentences: list[str] = field(default_factory=list)
    duplicates: int = 0
    duplicate_groups: int = 0
    places: int = 0


def add_files(
    workspace: Workspace,
    dataset: Dataset,
    records: Mapping[str, ImageRecord],
    workers: int | None = None,
    places: Mapping[str, SourcePlace] = MappingProxyType({}),
) -> FileReport:
    """Add the image files of a dataset whose texts have been imported, and their places.

    Args:
        workspace: A workspace opened for writing.
        dataset: The dataset.
        records: Its records by location.
        workers: Number of processes; one per core by default.
        places: Places of its images by file name.

    Raises:
        RsitmdError: The workspace cannot be written to, or its images have another size.
    """
    check_images(workspace)
    remove_unfinished_in(workspace.images)
    intake = _FileIntake(workspace, dataset)
    work = intake.missing(records)
    prepare = partial(
        normalise,
        size=workspace.settings.dataset.image_size,
        known=frozenset(),
        target=Target(workspace.images),
        lines=intake.measures.lines,
    )
    results = map_in_order(prepare, [str(path) for _, path in work], workers, preload=PRELOAD)
    try:
        # Closed at once on an error or Ctrl-C, so that no worker continues.
        with closing(results), progress("import", len(work)) as step:
            pairs = zip(work, results, strict=True)
            while batch := list(islice(pairs, BATCH)):
                intake.take(batch)
                step(len(batch))
    finally:
        intake.measures.write()
        remove_unfinished_in(workspace.images)
    intake.report.places = _place_images(workspace, dataset.name, records, places)
    roots = [] if dataset.image_folder is None else [dataset.image_folder]
    elsewhere = intake.not_utf8 | _unpacked(dataset)
    place_whole_images(workspace, roots, workers=workers, elsewhere=elsewhere)
    group_places(workspace)
    groups = group_duplicates(workspace)
    intake.report.duplicates = groups.images
    intake.report.duplicate_groups = groups.groups
    return intake.report


def _place_images(
    workspace: Workspace,
    dataset: str,
    records: Mapping[str, ImageRecord],
    places: Mapping[str, SourcePlace],
) -> int:
    """Record the places of the images of a dataset that have none; return their number."""
    found = [
        (place, sha256)
        for name, sha256 in (unplaced_imports(workspace, dataset) if places else {}).items()
        if name in records and (place := places.get(records[name].filename)) is not None
    ]
    scenes = {place.scene.sha256: place.scene for place, _ in found}
    with workspace.transaction() as db:
        add_places(db, scenes.values(), [place.of_image(sha256) for place, sha256 in found])
    return len(found)


def _unpacked(dataset: Dataset) -> dict[str, Path]:
    """Return the files of images inside tar files, by their source."""
    if dataset.image_folder is None:
        return {}
    return {
        shown(member.archive.resolve() / name): dataset.image_folder.resolve() / name
        for (_, name), member in dataset.members.items()
    }


def _folded(path: Path) -> str:
    """Return the stem of a path without differences in case and Unicode form."""
    return unicodedata.normalize("NFC", path.stem).casefold()


class _FileIntake:
    """Adds batches of prepared files, and keeps the state between batches."""

    def __init__(self, workspace: Workspace, dataset: Dataset) -> None:
        self.report = FileReport()
        self.measures = Measures(workspace)
        self.not_utf8: dict[str, Path] = {}  # files whose source is not their path
        self._workspace = workspace
        self._dataset = dataset
        self._records: Mapping[str, ImageRecord] = {}
        stored = stored_images(workspace, removed=True)
        self._removed = removed_rows(workspace.db)
        self._written = images_with_sentences(workspace)
        self._by_key: dict[str, StoredImage | NewImage] = {image.sha256: image for image in stored}
        self._by_row = {image.id: image for image in stored}
        self._stems: dict[Path, Mapping[str, list[Path]]] = {}
        self._files: dict[str, str] = {}  # unfinished file by file name
        self._places = {(image.category, image.number) for image in stored}
        self._reserved = reserved_numbers(workspace)
        names = [*(image.filename for image in stored), *former_names(workspace.db)]
        self._names = {name.casefold() for name in names}
        # Images that a record of this dataset has. Equal files of two records are two images.
        self._linked = {
            self._by_row[image.image].sha256
            for image in imported_images(workspace, dataset.name)
            if image.image is not None
        }

    def missing(self, records: Mapping[str, ImageRecord]) -> list[tuple[ImportedImage, Path]]:
        """Return the images that the workspace lacks and the dataset has, with their files.

        Images that only an earlier import of the dataset had are not reported as missing.
        """
        self._records = records
        present = {path.name for path in self._workspace.images.iterdir()}
        found = []
        for image in imported_images(self._workspace, self._dataset.name):
            record = records.get(image.name)
            if image.image is not None and (
                image.image in self._removed or self._by_row[image.image].filename in present
            ):
                continue
            path = None if record is None else self._file(record)
            if path is not None:
                found.append((image, path))
            elif image.image is None and image.name in self._locations:
                self.report.without_file.append(image.name)
        return found

    def take(self, batch: list[tuple[tuple[ImportedImage, Path], Normalised]]) -> None:
        """Write the files of a batch, then their rows in one transaction."""
        now = utc_now()
        added: list[NewImage] = []
        colours: list[ImageReading] = []
        links: list[tuple[int, str]] = []
        rejected: list[tuple[str, str]] = []
        accepted: list[str] = []
        for (image, path), prepared in batch:
            origin = self._origin(image, path)
            source = shown(origin)
            if source != str(origin):
                self.not_utf8[source] = path.resolve()
            if prepared.problem is not None:
                rejected.append((source, prepared.problem))
                if image.image is None:
                    self.report.without_file.append(image.name)
                continue
            accepted.append(source)
            if prepared.note is not None:
                self.report.notes.append((source, prepared.note))
            if image.image is not None:
                self._restore(image, prepared, source)
                continue
            key = self._key(image, prepared)
            if key not in self._by_key:
                new = self._new_image(image, prepared, key, source, now)
                self._give(new.filename, prepared)
                self._by_key[key] = new
                added.append(new)
                if prepared.reading is not None:
                    colours.append(ImageReading(key, *prepared.reading))
            else:
                self._count_linked(image, self._by_key[key], prepared)
            self._linked.add(key)
            links.append((image.row, key))
        self._write_files()
        with self._workspace.transaction() as db:
            add_images(db, added)
            add_readings(db, colours)
            link_images(db, links)
            record_rejected(db, rejected, now)
            forget_rejected(db, accepted)
        self.report.added += len(added)
        self.report.rejected += rejected

    def _origin(self, image: ImportedImage, path: Path) -> Path:
        """Return where a file comes from: itself, or its place inside a tar file."""
        # The split of the record: the workspace can have another one, or none.
        member = self._dataset.members.get((self._records[image.name].split, image.name))
        return path.resolve() if member is None else member.archive.resolve() / image.name

    def _file(self, record: ImageRecord) -> Path | None:
        """Return the file of a record, or the only one with another suffix, case or Unicode form.

        File systems and archives write "ü" as one character or as two.
        """
        folder = self._dataset.image_folder
        if folder is None:
            return None
        try:
            return self._dataset.image_path(record)
        except RsitmdError as error:
            if error.what != MISSING_FILE:
                self.report.rejected.append((record.location, error.what))
                return None
        parent, stem = place = self._place(record.location)
        same = [
            path
            for path in self._by_stem(parent).get(stem, [])
            if path.relative_to(folder).as_posix() not in self._locations
        ]
        if len(same) != 1 or self._alike[place] > 1:
            return None
        self.report.other_suffix.append((record.location, same[0].relative_to(folder).as_posix()))
        return same[0]

    @cached_property
    def _locations(self) -> frozenset[str]:
        """The locations of all images of the dataset."""
        return frozenset(image.location for image in self._dataset)

    @cached_property
    def _alike(self) -> Counter[tuple[Path, str]]:
        """Number of images by :meth:`_place`: one file is for one of them."""
        return Counter(map(self._place, self._locations))

    def _place(self, location: str) -> tuple[Path, str]:
        """Return the folder in which a file is searched, and its folded stem."""
        assert self._dataset.image_folder is not None
        path = Path(location)
        folder = self._dataset.image_folder / path.parent
        return (path.parent if folder.is_dir() else Path()), _folded(path)

    def _by_stem(self, parent: Path) -> Mapping[str, list[Path]]:
        """Return the files of a folder of the image folder by their folded stems."""
        if parent not in self._stems:
            found: dict[str, list[Path]] = defaultdict(list)
            assert self._dataset.image_folder is not None
            for path in (self._dataset.image_folder / parent).iterdir():
                if path.suffix.lower() in SUFFIXES and path.is_file() and not path.is_symlink():
                    found[_folded(path)].append(path)
            self._stems[parent] = found
        return self._stems[parent]

    def _key(self, image: ImportedImage, prepared: Normalised) -> str:
        """Return the key of an image: the SHA-256 of its file.

        If another image of the dataset has an equal file, it is the SHA-256 of that and the name.
        """
        if prepared.sha256 not in self._linked:
            return prepared.sha256
        return repeated_key(prepared.sha256, self._dataset.name, image.name)

    def _new_image(
        self, image: ImportedImage, prepared: Normalised, key: str, source: str, now: str
    ) -> NewImage:
        number = image.number
        # A renamed or recategorised image may have taken the number or the name.
        while (
            (image.category, number) in self._places
            or f"{image.category}_{number}.tif" in self._names
            or (number != image.number and (image.category, number) in self._reserved)
        ):
            number += 1
        self._places.add((image.category, number))
        return NewImage(
            sha256=key,
            filename=f"{image.category}_{number}.tif",
            category=image.category,
            number=number,
            source=source,
            width=prepared.width,
            height=prepared.height,
            pixel_sha256=prepared.pixel_sha256,
            phash=perceptual_hashes([prepared.thumbnail])[0],
            ingested_at=now,
            thumbnail=prepared.thumbnail,
        )

    def _restore(self, image: ImportedImage, prepared: Normalised, source: str) -> None:
        """Write the missing file of an image again, if the source still has the same pixels."""
        assert image.image is not None
        stored = self._by_row[image.image]
        if prepared.pixel_sha256 == stored.pixel_sha256:
            self._give(stored.filename, prepared)
            self.report.restored += 1
        else:
            problem = f"does not restore {stored.filename}, whose file had other pixels"
            self.report.notes.append((source, problem))

    def _count_linked(
        self, image: ImportedImage, stored: StoredImage | NewImage, prepared: Normalised
    ) -> None:
        self.report.linked += 1
        if isinstance(stored, StoredImage) and stored.id in self._removed:
            return
        if isinstance(stored, StoredImage):
            if stored.split not in (None, image.split):
                self.report.kept_split.append(stored.filename)
            if stored.id in self._written and self._records[image.name].sentences:
                self.report.more_sentences.append(stored.filename)
        if not (self._workspace.images / stored.filename).exists():
            self._give(stored.filename, prepared)

    def _give(self, filename: str, prepared: Normalised) -> None:
        """Note the name that a prepared file gets."""
        self._files[filename] = prepared.tiff
        self.measures.add(prepared.measured)

    def _write_files(self) -> None:
        """Make the files of a batch durable and give them their names."""
        folder = self._workspace.images
        try:
            sync_files(folder, [folder / unfinished for unfinished in self._files.values()])
            for filename, unfinished in self._files.items():
                (folder / unfinished).replace(folder / filename)
            if self._files:
                sync_path(folder)
        except OSError as error:
            raise write_error(folder, error) from error
        self._files.clear()

"""Groups of normalised files: first their bytes on disk, then their rows in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rsitmd_tools.atomic import PARTIAL, sync_path, write_error
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.options import DEFAULTS, BandOptions
from rsitmd_tools.imaging.perceptual import perceptual_hashes
from rsitmd_tools.imaging.source import needs_files_beside
from rsitmd_tools.ingest.group_commit import GroupCommit
from rsitmd_tools.ingest.names import Names
from rsitmd_tools.ingest.normalise import Normalised, Target
from rsitmd_tools.ingest.places import tidy
from rsitmd_tools.ingest.scan import Found
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import (
    NewImage,
    add_images,
    forget_rejected,
    record_rejected,
)
from rsitmd_tools.workspace.readings import ImageReading, add_readings, readings
from rsitmd_tools.workspace.sources import (
    SourceState,
    forget_sources,
    record_sources,
    unchanged_sha256,
)
from rsitmd_tools.workspace.store import utc_now

OTHER_READING = "it was read with other bands or values, and is unchanged"


@dataclass(slots=True)
class IngestReport:
    """The result of an ingest.

    Attributes:
        added: Number of images added.
        known: Number of files whose content the workspace already has.
        restored: Number of known images whose missing file was written again.
        removed: Number of files whose image was removed from the dataset by hand.
        skipped: Number of files of other types, links that point outside the source, and links
            to folders.
        skipped_kinds: Number of these files by kind, most frequent first; see
            :class:`~rsitmd_tools.ingest.scan.Scan`.
        not_chosen: Number of image files that the sampling left out.
        rejected: ``(file, reason)`` of the unusable files.
        uncategorised: Image files for which the table or pattern has no category.
        joined: Categories that several names became, such as those of the folders ``1_11`` and
            ``11_1``, and these names.
        unknown_files: Files of the table of categories that the sources do not have.
        other_category: ``(file, image)`` of the known files that were found under another
            category. The first category is kept.
        outdated: ``(file, image)`` of the files that changed since they became these images. The
            images are kept, beside those of the new content.
        notes: ``(file, note)`` of files that were read in part, or that are known and were read
            with other bands or values.
        duplicates: Number of images in the workspace that are in a group of duplicates.
        duplicate_groups: Number of groups of duplicates.
        categories: Number of images in the dataset by category.
    """

    added: int = 0
    known: int = 0
    restored: int = 0
    removed: int = 0
    skipped: int = 0
    skipped_kinds: dict[str, int] = field(default_factory=dict)
    not_chosen: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)
    uncategorised: list[str] = field(default_factory=list)
    joined: dict[str, list[str]] = field(default_factory=dict)
    unknown_files: list[str] = field(default_factory=list)
    other_category: list[tuple[str, str]] = field(default_factory=list)
    outdated: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    duplicates: int = 0
    duplicate_groups: int = 0
    categories: dict[str, int] = field(default_factory=dict)

    def add_skipped(self, kinds: Counter[str]) -> None:
        """Store how many files of each kind were not read."""
        self.skipped = kinds.total()
        self.skipped_kinds = dict(sorted(kinds.items(), key=lambda entry: (-entry[1], entry[0])))


@dataclass(slots=True)
class _Rows:
    """The rows of a group."""

    added: list[NewImage] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    read: list[tuple[str, str, SourceState]] = field(default_factory=list)
    readings: list[ImageReading] = field(default_factory=list)


class Intake:
    """Takes in the files of one ingest, and keeps the state between groups.

    While the bytes of a group are synced to the disk, the next ones are computed.

    Args:
        workspace: A workspace opened for writing.
        keep_originals: Keep a copy of each source file in ``originals/``.
        options: Bands and values with which files are read.

    Attributes:
        report: What was done so far.
        target: Where the workers write.
        complete: SHA-256 of the sources that do not have to be decoded again.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        keep_originals: bool = False,
        options: BandOptions = DEFAULTS,
    ) -> None:
        self._workspace = workspace
        self._keep_originals = keep_originals
        self._options = options
        self._readings = readings(workspace.db)
        self.report = IngestReport()
        self._originals = workspace.path / "originals"
        if keep_originals:
            try:
                self._originals.mkdir(exist_ok=True)
            except OSError as error:
                raise write_error(self._originals, error) from error
        self.target = Target(workspace.images, self._originals if keep_originals else None)
        remove_unfinished_in(workspace.images, self._originals)
        tidy(workspace)
        self._names = Names(workspace)
        present = {path.name for path in workspace.images.iterdir()}
        complete = {key for key, (name, _) in self._names.known.items() if name in present}
        if keep_originals:
            complete &= {path.stem for path in self._originals.iterdir()}
        self.complete = frozenset(complete | self._names.removed)
        self._groups = GroupCommit(workspace.images, self._commit)

    def unchanged(self, found: Found) -> bool:
        """Count a file that did not change since an earlier ingest read it.

        Returns:
            False if the file has to be read. A mask can have been added beside a file that did not
            change.
        """
        try:
            stat = found.path.stat()
            if needs_files_beside(found.path):
                return False
        except (OSError, UnusableImageError):
            return False
        source = found.source
        sha256 = unchanged_sha256(self._workspace.db, source, stat)
        if sha256 is None or sha256 not in self.complete or sha256 not in self._names.known:
            return False
        self._count_known(source, found, sha256)
        return True

    def take(self, found: Found, image: Normalised) -> None:
        """Take in a file, as soon as its bytes are on the disk."""
        self._groups.add((found, image), self._partials(image))

    def finish(self) -> None:
        """Finish all files that were taken in."""
        self._groups.finish()

    def close(self) -> None:
        """Wait for the thread, and remove files that got no name."""
        self._groups.close()
        remove_unfinished_in(self._workspace.images, self._originals)

    def _commit(self, group: Sequence[tuple[Found, Normalised]]) -> None:
        """Give the files of a group their names, and write its rows."""
        rows = self._place(group)
        sync_path(self._workspace.images)
        if self._keep_originals:
            sync_path(self._originals)
        now = utc_now()
        with self._workspace.transaction() as db:
            add_images(db, rows.added)
            add_readings(db, rows.readings)
            record_rejected(db, rows.rejected, now)
            forget_rejected(db, rows.accepted)
            forget_sources(db, [source for source, _ in rows.rejected])
            record_sources(db, rows.read)
        self.report.added += len(rows.added)
        self.report.rejected += rows.rejected

    def _place(self, group: Sequence[tuple[Found, Normalised]]) -> _Rows:
        rows = _Rows()
        now = utc_now()
        # The hashes of many images cost little more than those of one.
        thumbnails = [image.thumbnail for _, image in group if image.thumbnail]
        hashes = dict(zip(thumbnails, perceptual_hashes(thumbnails), strict=True))
        for found, image in group:
            source = found.source
            if image.problem is not None:
                rows.rejected.append((source, image.problem))
                continue
            rows.accepted.append(source)
            if image.state is not None:
                rows.read.append((source, image.sha256, image.state))
            if image.sha256 in self._names.known:
                self._count_known(source, found, image.sha256, image)
                continue
            filename, number = self._names.give(image.sha256, found.category)
            self._name_files(found, image, filename, new=True)
            if image.reading is not None:
                rows.readings.append(ImageReading(image.sha256, *image.reading))
            if image.note is not None:
                self.report.notes.append((source, image.note))
            rows.added.append(
                NewImage(
                    sha256=image.sha256,
                    filename=filename,
                    category=found.category,
                    number=number,
                    source=source,
                    width=image.width,
                    height=image.height,
                    pixel_sha256=image.pixel_sha256,
                    phash=hashes[image.thumbnail],
                    thumbnail=image.thumbnail,
                    ingested_at=now,
                )
            )
        return rows

    def _count_known(
        self, source: str, found: Found, sha256: str, image: Normalised | None = None
    ) -> None:
        """Count a known file; restore the image if its file is missing."""
        filename, category = self._names.known[sha256]
        if sha256 in self._names.removed:
            self.report.removed += 1
            if image is not None:
                self._discard(image)
            return
        self.report.known += 1
        if category != found.category:
            self.report.other_category.append((source, filename))
        reading = self._readings.get(sha256)
        if _differs(reading, self._options):
            self.report.notes.append((source, f"is known as {filename}; {OTHER_READING}"))
        if image is not None and image.tiff:
            self.report.restored += not (self._workspace.images / filename).exists()
            self._name_files(found, image, filename, new=False)

    def _name_files(self, found: Found, image: Normalised, filename: str, *, new: bool) -> None:
        """Give the files of an image their names.

        A known image keeps the files that it has. What has the name of a new image has no row: a
        killed ingest left it, perhaps of another source.
        """
        moves = [(self.target.images, image.tiff, filename)]
        if image.original:
            original = f"{image.sha256}{found.path.suffix.lower()}"
            moves.append((self._originals, image.original, original))
        for folder, written, name in moves:
            if not new and (folder / name).exists():
                (folder / written).unlink()
            else:
                (folder / written).replace(folder / name)

    def _partials(self, image: Normalised) -> list[Path]:
        tiff = [self.target.images / image.tiff] if image.tiff else []
        return tiff + ([self._originals / image.original] if image.original else [])

    def _discard(self, image: Normalised) -> None:
        for partial in self._partials(image):
            partial.unlink(missing_ok=True)


def remove_unfinished_in(*folders: Path) -> None:
    """Remove unfinished files of a killed ingest."""
    for folder in folders:
        for leftover in folder.glob(f".*{PARTIAL}*"):
            leftover.unlink(missing_ok=True)


def _differs(reading: ImageReading | None, options: BandOptions) -> bool:
    """Return whether options ask for another reading of a file.

    Args:
        reading: How it was read; None for colours of 8 bits as they are.
        options: Bands and values. Bands and a range that are left out cannot be compared, because
            they depend on the file.
    """
    if reading is None:
        return options.value_range is not None or options.bands not in (None, (1,), (1, 2, 3))
    if options.bands is not None and reading.bands != options.bands:
        return True
    if options.value_range is not None:
        return reading.limits != options.value_range
    return reading.percentiles not in (None, options.percentiles)

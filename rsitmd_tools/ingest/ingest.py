"""``build ingest``: adds images to a workspace, each content once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

from rsitmd_tools.atomic import PARTIAL, atomic_path
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.ingest.duplicates import group_duplicates
from rsitmd_tools.ingest.normalise import Normalised, normalise
from rsitmd_tools.ingest.scan import Found, scan, shown
from rsitmd_tools.progress import progress
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import (
    NewImage,
    add_images,
    forget_rejected,
    has_images,
    record_rejected,
    stored_images,
)
from rsitmd_tools.workspace.imported import reserved_numbers
from rsitmd_tools.workspace.store import utc_now

BATCH = 64
SIZE_FACT = "image_size"


@dataclass(slots=True)
class IngestReport:
    """The result of an ingest.

    Attributes:
        added: Number of images added.
        known: Number of files whose content the workspace already has.
        restored: Number of known images whose missing file was written again.
        skipped: Number of files of other types, links that point outside the source, and links
            to folders.
        rejected: ``(file, reason)`` of the unusable files.
        other_category: ``(file, image)`` of the known files that were found under another
            category. The first category is kept.
        duplicates: Number of images in the workspace that are in a group of duplicates.
        duplicate_groups: Number of groups of duplicates.
    """

    added: int = 0
    known: int = 0
    restored: int = 0
    skipped: int = 0
    rejected: list[tuple[str, str]] = field(default_factory=list)
    other_category: list[tuple[str, str]] = field(default_factory=list)
    duplicates: int = 0
    duplicate_groups: int = 0


def ingest(
    workspace: Workspace,
    sources: Iterable[Path],
    category: str | None = None,
    workers: int | None = None,
) -> IngestReport:
    """Add images to a workspace.

    Files are numbered in the order of their names, independently of the number of workers. The
    files of a batch are written before its rows, so that a killed ingest can be run again and
    has the same result.

    Args:
        workspace: A workspace opened for writing.
        sources: Folders or files.
        category: Category of all images; by default from the folder or file name.
        workers: Number of processes; one per core by default.

    Raises:
        RsitmdError: A source does not exist or is empty, or the workspace cannot be written to.
    """
    scanned = scan(sources, category, leave_out=workspace.path)
    report = ingest_files(workspace, scanned.found, workers)
    report.skipped = scanned.skipped
    return report


def ingest_files(
    workspace: Workspace, files: Sequence[Found], workers: int | None = None
) -> IngestReport:
    """Add image files whose categories are known to a workspace.

    Args:
        workspace: A workspace opened for writing.
        files: The files and their categories, in the order in which they are numbered.
        workers: Number of processes; one per core by default.

    Raises:
        RsitmdError: The workspace cannot be written to, or its images have another size.
    """
    check_image_size(workspace)
    _remove_leftovers(workspace.images)
    intake = _Intake(workspace, IngestReport())
    work = partial(normalise, size=workspace.settings.dataset.image_size, known=intake.complete)
    results = map_in_order(work, [found.path for found in files], workers)
    # Closed at once on an error or Ctrl-C, so that no worker continues.
    with closing(results), progress("ingest", len(files)) as step:
        pairs = zip(files, results, strict=True)
        while batch := list(islice(pairs, BATCH)):
            intake.take(batch)
            step(len(batch))
    groups = group_duplicates(workspace)
    intake.report.duplicates = groups.images
    intake.report.duplicate_groups = groups.groups
    return intake.report


class _Intake:
    """Writes batches of normalised files, and keeps the state between batches.

    Attributes:
        complete: SHA-256 of the sources whose image is in the workspace with row and file.
    """

    def __init__(self, workspace: Workspace, report: IngestReport) -> None:
        self.workspace = workspace
        self.report = report
        present = {path.name for path in workspace.images.glob("*.tif")}
        self.filenames: dict[str, str] = {}
        self.numbers: dict[str, int] = {}
        for image in stored_images(workspace):
            self.filenames[image.sha256] = image.filename
            last = self.numbers.get(image.category, 0)
            self.numbers[image.category] = max(last, image.number)
        for category, number in reserved_numbers(workspace):
            self.numbers[category] = max(self.numbers.get(category, 0), number)
        self.complete = frozenset(
            sha256 for sha256, filename in self.filenames.items() if filename in present
        )

    def take(self, batch: list[tuple[Found, Normalised]]) -> None:
        """Write the files of a batch, then their rows in one transaction."""
        now = utc_now()
        added: list[NewImage] = []
        rejected: list[tuple[str, str]] = []
        accepted: list[str] = []
        for found, image in batch:
            source = shown(found.path.resolve())
            if image.problem is not None:
                rejected.append((source, image.problem))
                continue
            accepted.append(source)
            if image.sha256 in self.filenames:
                self._count_known(source, found, image)
                continue
            number = self.numbers.get(found.category, 0) + 1
            filename = f"{found.category}_{number}.tif"
            self._write(filename, image)
            self.numbers[found.category] = number
            self.filenames[image.sha256] = filename
            added.append(
                NewImage(
                    sha256=image.sha256,
                    filename=filename,
                    category=found.category,
                    number=number,
                    source=source,
                    width=image.width,
                    height=image.height,
                    pixel_sha256=image.pixel_sha256,
                    phash=image.phash,
                    ingested_at=now,
                )
            )
        with self.workspace.transaction() as db:
            add_images(db, added)
            record_rejected(db, rejected, now)
            forget_rejected(db, accepted)
        self.report.added += len(added)
        self.report.rejected += rejected

    def _count_known(self, source: str, found: Found, image: Normalised) -> None:
        """Count a known file; restore the image if its file is missing."""
        filename = self.filenames[image.sha256]
        self.report.known += 1
        if filename.rpartition("_")[0] != found.category:
            self.report.other_category.append((source, filename))
        if image.tiff and not (self.workspace.images / filename).exists():
            self._write(filename, image)
            self.report.restored += 1

    def _write(self, filename: str, image: Normalised) -> None:
        with atomic_path(self.workspace.images / filename) as target:
            target.write_bytes(image.tiff)


def check_image_size(workspace: Workspace) -> None:
    """Record the image size of the workspace; refuse a different one.

    Raises:
        RsitmdError: ``image_size`` was changed after images were added.
    """
    size = str(workspace.settings.dataset.image_size)
    recorded = workspace.fact(SIZE_FACT)
    if recorded == size:
        return
    if recorded is not None and has_images(workspace):
        raise RsitmdError(
            f"dataset.image_size is {size}, but the images of the workspace have {recorded}",
            where=workspace.path / "rsitmd.toml",
            hint=f"set it to {recorded}, or create another workspace",
        )
    with workspace.transaction():
        workspace.set_fact(SIZE_FACT, size)


def _remove_leftovers(folder: Path) -> None:
    """Remove unfinished files of a killed ingest."""
    for leftover in folder.glob(f".*{PARTIAL}*"):
        leftover.unlink(missing_ok=True)

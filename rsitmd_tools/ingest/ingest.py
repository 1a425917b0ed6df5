"""``build ingest``: images into the workspace, each content once."""

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
from rsitmd_tools.workspace.store import utc_now

BATCH = 64
SIZE_FACT = "image_size"


@dataclass(slots=True)
class IngestReport:
    """What an ingest did.

    Attributes:
        added: Images taken in.
        known: Files whose content the workspace has already.
        restored: Known images whose file was gone from the workspace and is there again.
        skipped: Files of other types, links that lead out of the source, and links to
            folders.
        rejected: ``(file, reason)`` of those kept out.
        other_category: ``(file, image)`` of those known under another category than the
            one they were found in; the first one stands.
        duplicates: Images in the workspace that lie in a group of duplicates.
        duplicate_groups: Those groups.
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
    """Take images into a workspace.

    Files are numbered in the order of their names, whatever the number of workers. An
    image's file is written before its row, batch by batch: a killed ingest is run again
    and gives what it would have given.

    Args:
        workspace: A workspace opened to write.
        sources: Folders or files.
        category: One category for all; by default told by folder or file name.
        workers: Processes; by default one a core.

    Raises:
        RsitmdError: A source is absent or empty, or the workspace cannot be written to.
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
    _keep_to_one_size(workspace)
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
    """Writes batches of normalised files, and keeps what the next batch must know.

    Attributes:
        complete: SHA-256 of the sources whose image is in the workspace, row and file.
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
                self._recognise(source, found, image)
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

    def _recognise(self, source: str, found: Found, image: Normalised) -> None:
        """Count a file that is known; bring its image back where that was lost."""
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


def _keep_to_one_size(workspace: Workspace) -> None:
    """Record the side of the images; refuse to mix two.

    Raises:
        RsitmdError: ``image_size`` was changed after images were taken in.
    """
    size = str(workspace.settings.dataset.image_size)
    recorded = workspace.fact(SIZE_FACT)
    if recorded == size:
        return
    if recorded is not None and has_images(workspace):
        raise RsitmdError(
            f"dataset.image_size is {size}, the images here have {recorded}",
            where=workspace.path / "rsitmd.toml",
            hint=f"set it back to {recorded}, or begin another workspace",
        )
    with workspace.transaction():
        workspace.set_fact(SIZE_FACT, size)


def _remove_leftovers(folder: Path) -> None:
    """Remove files that a killed ingest had not finished."""
    for leftover in folder.glob(f".*{PARTIAL}*"):
        leftover.unlink(missing_ok=True)

"""``build ingest``: adds images to a workspace, each content once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import overload

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.imaging.options import DEFAULTS, BandOptions
from rsitmd_tools.imaging.pool import SMALL, map_in_order
from rsitmd_tools.ingest.categories import CategoryRule, FromTable
from rsitmd_tools.ingest.duplicates import group_duplicates
from rsitmd_tools.ingest.intake import IngestReport, Intake
from rsitmd_tools.ingest.normalise import Normalised, normalise
from rsitmd_tools.ingest.plan import PRELOAD
from rsitmd_tools.ingest.sampling import Sampling, sample
from rsitmd_tools.ingest.scan import Found, scan
from rsitmd_tools.ingest.spatial import group_places
from rsitmd_tools.ingest.whole import may_have_place, place_whole_images
from rsitmd_tools.progress import progress
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import category_counts
from rsitmd_tools.workspace.images import has_images, last_image
from rsitmd_tools.workspace.sources import outdated_images

__all__ = ["IngestReport", "ingest", "ingest_files"]

CHUNK = 8  # files that a worker gets at once
AHEAD = 8  # chunks per worker: the results are small, and a worker never waits for a disk
SIZE_FACT = "image_size"


def ingest(
    workspace: Workspace,
    sources: Iterable[Path],
    category: str | CategoryRule | None = None,
    workers: int | None = None,
    *,
    sampling: Sampling | None = None,
    keep_originals: bool = False,
    options: BandOptions = DEFAULTS,
    outside: bool = False,
) -> IngestReport:
    """Add images to a workspace.

    Files are numbered in the order of their names, independently of the number of workers. The
    files of a group are written before its rows, so that a killed ingest can be run again and
    has the same result.

    Args:
        workspace: A workspace opened for writing.
        sources: Folders or files.
        category: Category of all images, or the rule that gives files their category; by
            default from the folder or file name.
        workers: Number of processes; one per core by default.
        sampling: Which files to choose; all by default.
        keep_originals: Keep a copy of each source file in ``originals/``.
        options: Bands and values of rasters.
        outside: Whether a VRT may read files outside of its folder.

    Raises:
        RsitmdError: A source does not exist or is empty, or the workspace cannot be written to.
    """
    sources = list(sources)
    scanned = scan(sources, category, leave_out=workspace.path)
    chosen = scanned.found
    if sampling is not None:
        chosen = sample(scanned.found, sampling, workers, options, outside)
    report = ingest_files(
        workspace,
        chosen,
        workers,
        keep_originals=keep_originals,
        options=options,
        outside=outside,
    )
    report.add_skipped(scanned.other_files)
    report.not_chosen = len(scanned.found) - len(chosen)
    report.uncategorised = scanned.uncategorised
    report.joined = scanned.joined
    if isinstance(category, FromTable):
        report.unknown_files = list(category.unused)
    place_whole_images(
        workspace,
        sources,
        options,
        workers=workers,
        outside=outside,
        elsewhere={found.source: found.path for found in chosen if not found.is_utf8},
    )
    group_places(workspace)
    return report


def ingest_files(
    workspace: Workspace,
    files: Sequence[Found],
    workers: int | None = None,
    *,
    keep_originals: bool = False,
    options: BandOptions = DEFAULTS,
    outside: bool = False,
) -> IngestReport:
    """Add image files whose categories are known to a workspace.

    Args:
        workspace: A workspace opened for writing.
        files: The files and their categories, in the order in which they are numbered.
        workers: Number of processes; one per core by default.
        keep_originals: Keep a copy of each source file in ``originals/``.
        options: Bands and values of rasters.
        outside: Whether a VRT may read files outside of its folder.

    Raises:
        RsitmdError: The workspace cannot be written to, or its images have another size.
    """
    check_images(workspace)
    before = last_image(workspace)
    intake = Intake(workspace, keep_originals=keep_originals, options=options)
    size = workspace.settings.dataset.image_size
    work = partial(
        normalise,
        size=size,
        known=intake.complete,
        target=intake.target,
        options=options,
        outside=outside,
    )
    try:
        with progress("ingest", len(files)) as step:
            changed = [found for found in files if not intake.unchanged(found)]
            step(len(files) - len(changed))
            for count in _read(intake, work, changed, workers):
                step(count)
    finally:
        intake.close()
    intake.report.outdated = outdated_images(workspace.db, before)
    groups = group_duplicates(workspace)
    intake.report.duplicates = groups.images
    intake.report.duplicate_groups = groups.groups
    intake.report.categories = dict(category_counts(workspace.db))
    return intake.report


def _read(
    intake: Intake,
    work: Callable[[str], Normalised],
    files: Sequence[Found],
    workers: int | None,
) -> Iterator[int]:
    """Take in files that have to be read; yield the number of files that were taken in."""
    small = len(files) <= SMALL
    # To import rasterio takes as long as to take in forty JPEG files.
    rasters = any(may_have_place(found.file) for found in files)
    results = map_in_order(
        work,
        _Names(files),
        1 if small and workers is None else workers,
        chunk=1 if small else CHUNK,
        ahead=AHEAD,
        preload=PRELOAD if rasters else (),
    )
    # Closed at once on an error or Ctrl-C, so that no worker continues.
    with closing(results):
        pairs = zip(files, results, strict=True)
        try:
            for found, image in pairs:
                intake.take(found, image)
                yield 1
        except RsitmdError:
            intake.finish()  # what was done before the error is kept
            raise
        intake.finish()


class _Names(Sequence[str]):
    """The names of files, made when they are sent."""

    def __init__(self, files: Sequence[Found]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [found.file for found in self._files[index]]
        return self._files[index].file


def check_images(workspace: Workspace) -> None:
    """Record the image size of the workspace; refuse a different one.

    Raises:
        RsitmdError: The workspace has no folder ``images``, or ``image_size`` was changed after
            images were added.
    """
    if not workspace.images.is_dir():
        raise RsitmdError(
            "is not a folder",
            where=workspace.images,
            hint="restore it from a backup, or make an empty folder of this name",
        )
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

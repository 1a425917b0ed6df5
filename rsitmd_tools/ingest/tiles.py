"""``build ingest --tile``: scenes become tiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rsitmd_tools.atomic import PARTIAL, sync_folder
from rsitmd_tools.errors import RsitmdError, reason
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.ingest.cut import Cut, Strip, Tile, cut, remove
from rsitmd_tools.ingest.duplicates import group_duplicates
from rsitmd_tools.ingest.ingest import IngestReport, check_image_size
from rsitmd_tools.ingest.plan import ScenePlan, Source, TileOptions, identity, plan_scene
from rsitmd_tools.ingest.scan import scan, shown
from rsitmd_tools.ingest.spatial import group_places
from rsitmd_tools.ingest.windows import Places
from rsitmd_tools.progress import progress
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import (
    NewImage,
    add_images,
    forget_rejected,
    record_rejected,
    stored_images,
)
from rsitmd_tools.workspace.scenes import NewPlace, Scene, add_places, scene_hashes
from rsitmd_tools.workspace.store import utc_now

BATCH = 64
FEW = 64  # up to this number of tiles, starting processes takes longer than the work
LARGE = 100_000_000  # bytes of scenes that are hashed in several processes


@dataclass(slots=True)
class TileReport(IngestReport):
    """The result of a tiling. The counts of images are those of tiles.

    Attributes:
        scenes: Number of scenes that were used.
        left_out: Number of tiles with too few valid pixels.
        outside: Number of given places that are in none of the scenes.
        overlapping: Number of images in the workspace that are in a spatial group.
        spatial_groups: Number of spatial groups.
    """

    scenes: int = 0
    left_out: int = 0
    outside: int = 0
    overlapping: int = 0
    spatial_groups: int = 0


def ingest_tiles(
    workspace: Workspace,
    sources: Iterable[Path],
    options: TileOptions,
    category: str | None = None,
    workers: int | None = None,
    *,
    block: float | None = None,
) -> TileReport:
    """Cut scenes into tiles and add them to a workspace.

    Tiles are numbered scene by scene, from the upper left, independently of the number of
    workers. A killed tiling can be run again and has the same result.

    Args:
        workspace: A workspace opened for writing.
        sources: Folders or files.
        options: How the scenes are cut.
        category: Category of all tiles; by default from the folder or file name.
        workers: Number of processes; one per core by default.
        block: Side of the blocks of spatial groups, see :func:`group_places`.

    Raises:
        RsitmdError: A source does not exist or is empty, or the workspace cannot be written to.
    """
    check_image_size(workspace)
    _remove_unfinished(workspace.images)
    files, skipped = _sources(workspace, sources, category)
    plans = _plans(workspace, files, options, workers)
    intake = _Intake(workspace, TileReport(skipped=skipped))
    strips = intake.strips(plans, options)
    tiles = sum(len(strip.windows) for strip in strips)
    work = partial(
        cut,
        folder=workspace.images,
        size=workspace.settings.dataset.image_size,
        min_valid=options.min_valid,
    )
    try:
        results = map_in_order(work, strips, workers or (1 if tiles <= FEW else None))
        with closing(results), progress("tiles", tiles) as step:
            for strip, result in zip(strips, results, strict=True):
                intake.take(plans[strip.number], strip, result)
                step(len(strip.windows))
        intake.finish(plans, options.places)
    finally:
        _remove_unfinished(workspace.images)
    duplicates, spatial = group_duplicates(workspace), group_places(workspace, block)
    report = intake.report
    report.duplicates, report.duplicate_groups = duplicates.images, duplicates.groups
    report.overlapping, report.spatial_groups = spatial.images, spatial.groups
    return report


def _remove_unfinished(folder: Path) -> None:
    """Remove temporary files, those of a killed tiling too."""
    for leftover in folder.glob(f".*{PARTIAL}*"):
        leftover.unlink(missing_ok=True)


def _sources(
    workspace: Workspace, sources: Iterable[Path], category: str | None
) -> tuple[list[Source], int]:
    files: list[Source] = []
    skipped = 0
    for root in sources:
        scanned = scan([root], category, leave_out=workspace.path)
        skipped += scanned.skipped
        for found in scanned.found:
            inside = found.path.relative_to(root) if found.path != root else Path(root.name)
            files.append(Source(found.path, shown(inside), found.category))
    return files, skipped


def _plans(
    workspace: Workspace, files: Sequence[Source], options: TileOptions, workers: int | None
) -> list[ScenePlan]:
    work = partial(plan_scene, options=options, hashes=scene_hashes(workspace))
    total = 0
    for file in files:
        if file.path.is_file():
            total += file.path.stat().st_size
    few = len(files) == 1 or total < LARGE
    plans: list[ScenePlan] = []
    results = map_in_order(work, files, 1 if few else workers)
    with closing(results), progress("scenes", len(files)) as step:
        for planned in results:
            plans.append(planned)
            step()
    return plans


@dataclass(slots=True)
class _Batch:
    """Tiles that are written together.

    Attributes:
        images: Rows of the images.
        places: Rows of their places.
        scenes: Their scenes.
        moves: Temporary names and final names of their files.
    """

    images: list[NewImage] = field(default_factory=list)
    places: list[NewPlace] = field(default_factory=list)
    scenes: dict[tuple[str, str], Scene] = field(default_factory=dict)
    moves: list[tuple[str, str]] = field(default_factory=list)


class _Intake:
    """Numbers the tiles and writes them in batches: first the files, then the rows."""

    def __init__(self, workspace: Workspace, report: TileReport) -> None:
        self.workspace = workspace
        self.report = report
        self._now = utc_now()
        self._batch = _Batch()
        self._problems: dict[int, str] = {}
        self._present = {path.name for path in workspace.images.glob("*.tif")}
        self._filenames: dict[str, str] = {}
        self._numbers: dict[str, int] = {}
        for image in stored_images(workspace):
            self._filenames[image.sha256] = image.filename
            last = self._numbers.get(image.category, 0)
            self._numbers[image.category] = max(last, image.number)

    def strips(self, plans: Sequence[ScenePlan], options: TileOptions) -> list[Strip]:
        """Return what is to be cut: the windows whose image is not complete."""
        strips: list[Strip] = []
        planned: set[str] = set()
        for number, plan in enumerate(plans):
            if plan.scene is None:
                continue
            for windows in plan.strips:
                left = []
                for window in windows:
                    name = identity(plan.scene, window)
                    if name in planned or self._filenames.get(name) in self._present:
                        self._count_known(plan, self._filenames.get(name))
                        continue
                    planned.add(name)
                    left.append(window)
                if left:
                    path, bands = plan.source.path, options.bands
                    strips.append(
                        Strip(number, path, plan.scene, bands, plan.limits, tuple(left), plan.scale)
                    )
        return strips

    def take(self, plan: ScenePlan, strip: Strip, result: Cut) -> None:
        """Take the tiles of a strip; none of a scene that could not be read before."""
        if strip.number in self._problems:
            remove(self.workspace.images, result.tiles)
        elif result.problem is not None:
            self._problems[strip.number] = result.problem
        else:
            for tile in result.tiles:
                self._add(plan, strip.scene, tile)
        if len(self._batch.moves) >= BATCH:
            self._write()

    def finish(self, plans: Sequence[ScenePlan], places: Places | None) -> None:
        """Write the last tiles, and record which scenes could not be used."""
        self._write()
        rejected: list[tuple[str, str]] = []
        accepted: list[str] = []
        for number, plan in enumerate(plans):
            source = shown(plan.source.path.resolve())
            problem = plan.problem or self._problems.get(number)
            if problem is not None:
                rejected.append((source, problem))
            else:
                accepted.append(source)
        with self.workspace.transaction() as db:
            record_rejected(db, rejected, self._now)
            forget_rejected(db, accepted)
        self.report.rejected += rejected
        self.report.scenes = len(accepted)
        if places is not None:
            taken = frozenset[int]().union(*(plan.taken for plan in plans))
            self.report.outside = len(places.points) - len(taken)

    def _count_known(self, plan: ScenePlan, filename: str | None) -> None:
        self.report.known += 1
        if filename is not None and filename.rpartition("_")[0] != plan.source.category:
            found = shown(plan.source.path.resolve())
            if all(source != found for source, _ in self.report.other_category):
                self.report.other_category.append((found, filename))

    def _add(self, plan: ScenePlan, scene: Scene, tile: Tile) -> None:
        if tile.file is None:
            self.report.left_out += 1
            return
        known = self._filenames.get(tile.identity)
        if known is not None:
            self._batch.moves.append((tile.file, known))
            self._count_known(plan, known)
            self.report.restored += 1
            return
        category = plan.source.category
        number = self._numbers.get(category, 0) + 1
        filename = f"{category}_{number}.tif"
        self._numbers[category] = number
        self._filenames[tile.identity] = filename
        self._batch.moves.append((tile.file, filename))
        self._batch.scenes[scene.sha256, scene.bands] = scene
        self._batch.images.append(
            NewImage(
                sha256=tile.identity,
                filename=filename,
                category=category,
                number=number,
                source=shown(plan.source.path.resolve()),
                width=scene.width,
                height=scene.height,
                pixel_sha256=tile.pixel_sha256,
                phash=tile.phash,
                ingested_at=self._now,
            )
        )
        self._batch.places.append(
            NewPlace(
                tile.identity, scene.sha256, scene.bands, tile.window, tile.footprint, tile.gsd
            )
        )

    def _write(self) -> None:
        batch, self._batch = self._batch, _Batch()
        images = self.workspace.images
        try:
            for temporary, final in batch.moves:
                (images / temporary).replace(images / final)
            sync_folder(images)
        except OSError as error:
            raise RsitmdError(
                f"cannot be written ({reason(error)})",
                where=images,
                hint="check the permissions and run the same command again",
            ) from error
        with self.workspace.transaction() as db:
            add_images(db, batch.images)
            add_places(db, batch.scenes.values(), batch.places)
        self.report.added += len(batch.images)

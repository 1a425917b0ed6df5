"""``build ingest --tile``: scenes become tiles."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rsitmd_tools.atomic import sync_path
from rsitmd_tools.errors import count_of
from rsitmd_tools.imaging.limits import UnusableImageError
from rsitmd_tools.imaging.pool import map_in_order
from rsitmd_tools.ingest.categories import CategoryRule, FromTable
from rsitmd_tools.ingest.cut import Cut, Strip, Tile, cut, remove
from rsitmd_tools.ingest.duplicates import group_duplicates
from rsitmd_tools.ingest.group_commit import GroupCommit
from rsitmd_tools.ingest.ingest import IngestReport, check_images
from rsitmd_tools.ingest.intake import remove_unfinished_in
from rsitmd_tools.ingest.names import Names
from rsitmd_tools.ingest.plan import (
    MOVED,
    PRELOAD,
    ScenePlan,
    Source,
    TileOptions,
    identity,
    plan_scene,
)
from rsitmd_tools.ingest.scan import Scan, scan, shown
from rsitmd_tools.ingest.scene_hashes import SceneHashes
from rsitmd_tools.ingest.spatial import group_places
from rsitmd_tools.ingest.windows import Places
from rsitmd_tools.progress import progress
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import category_counts
from rsitmd_tools.workspace.images import (
    NewImage,
    add_images,
    forget_rejected,
    last_image,
    record_rejected,
)
from rsitmd_tools.workspace.scenes import (
    NewPlace,
    Scene,
    Window,
    add_places,
    scene_coordinates,
    scene_images,
    scene_sizes,
)
from rsitmd_tools.workspace.sources import (
    KnownSource,
    SourceState,
    known_scenes,
    outdated_images,
    record_sources,
)
from rsitmd_tools.workspace.store import utc_now

FEW = 64  # up to this number of tiles, starting processes takes longer than the work
LARGE = 100_000_000  # bytes of scenes that are planned in other processes


@dataclass(slots=True)
class TileReport(IngestReport):
    """The result of a tiling. The counts of images are those of tiles.

    Attributes:
        scenes: Number of scenes that were used, at least in part.
        left_out: Number of tiles with too few valid pixels.
        outside: Number of given places without a tile: in none of the scenes, or with a square
            that is larger than the scene or smaller than 16 pixels.
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
    category: str | CategoryRule | None = None,
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
        category: Category of all tiles, or the rule that gives files their category; by default
            from the folder or file name.
        workers: Number of processes; one per core by default.
        block: Side of the blocks of spatial groups, see :func:`group_places`.

    Raises:
        RsitmdError: A source does not exist or is empty, or the workspace cannot be written to.
    """
    check_images(workspace)
    before = last_image(workspace)
    remove_unfinished_in(workspace.images)
    files, scanned = _sources(workspace, sources, category)
    known, sizes = known_scenes(workspace.db), scene_sizes(workspace)
    with closing(SceneHashes([file.path for file in files], sizes)) as hashes:
        plans = _plans(files, options, known, sizes, workers)
        hashes.keep(plans)
        intake = _TileIntake(workspace, plans, hashes)
        intake.report.add_skipped(scanned.other_files)
        intake.report.uncategorised = scanned.uncategorised
        intake.report.joined = scanned.joined
        strips = intake.strips(options)
        tiles = sum(len(strip.windows) for strip in strips)
        work = partial(
            cut,
            folder=workspace.images,
            size=workspace.settings.dataset.image_size,
            min_valid=options.min_valid,
        )
        try:
            results = map_in_order(
                work, strips, workers or (1 if tiles <= FEW else None), preload=PRELOAD
            )
            with closing(results), progress("tiles", tiles) as step:
                for strip, result in zip(strips, results, strict=True):
                    intake.take(strip, result)
                    step(len(strip.windows))
            intake.finish(options.places)
        finally:
            intake.close()
    duplicates, spatial = group_duplicates(workspace), group_places(workspace, block)
    report = intake.report
    report.outdated = outdated_images(workspace.db, before)
    if isinstance(category, FromTable):
        report.unknown_files = list(category.unused)
    report.duplicates, report.duplicate_groups = duplicates.images, duplicates.groups
    report.overlapping, report.spatial_groups = spatial.images, spatial.groups
    report.categories = dict(category_counts(workspace.db))
    return report


def _sources(
    workspace: Workspace, sources: Iterable[Path], category: str | CategoryRule | None
) -> tuple[list[Source], Scan]:
    """Return the scenes, and what else is in the sources."""
    files: list[Source] = []
    every = Scan()
    for root in sources:
        before = len(every.found)
        scan([root], category, leave_out=workspace.path, result=every)
        for found in every.found[before:]:
            inside = found.path.relative_to(root) if found.path != root else Path(root.name)
            files.append(Source(found.path, shown(inside), found.category))
    return files, every


def _plans(
    files: Sequence[Source],
    options: TileOptions,
    known: Mapping[str, KnownSource],
    sizes: Set[int],
    workers: int | None,
) -> list[ScenePlan]:
    work = partial(plan_scene, options=options, known=known, sizes=sizes)
    total = 0
    for file in files:
        if file.path.is_file():
            total += file.path.stat().st_size
    # What is read of a large scene stays in the memory of a process, so this is not that of the
    # parent.
    several = 1 if total < LARGE or workers == 1 else max(2, workers or os.cpu_count() or 1)
    plans: list[ScenePlan] = []
    results = map_in_order(work, files, several, preload=PRELOAD)
    with closing(results), progress("scenes", len(files)) as step:
        for planned in results:
            plans.append(planned)
            step()
    return plans


@dataclass(slots=True)
class _Batch:
    """The tiles of a strip.

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


class _TileIntake:
    """Numbers the tiles and writes them in groups: first the files, then the rows."""

    def __init__(
        self, workspace: Workspace, plans: Sequence[ScenePlan], hashes: SceneHashes
    ) -> None:
        self.report = TileReport()
        self._workspace = workspace
        self._plans = plans
        self._hashes = hashes
        self._now = utc_now()
        self._batch = _Batch()
        self._groups = GroupCommit(workspace.images, self._commit)
        self._problems: dict[int, str] = {}
        self._sha256: dict[int, str] = {}  # of the scenes that were cut
        self._taken: Counter[int] = Counter()  # tiles by scene
        self._names = Names(workspace)
        self._coordinates = scene_coordinates(workspace)
        self._images: dict[str, dict[tuple[Window, str], str]] = {}  # of known scenes
        self._present = {path.name for path in workspace.images.iterdir()}
        self._resolved: dict[Path, str] = {}

    def strips(self, options: TileOptions) -> list[Strip]:
        """Return what is to be cut: the windows whose image is not complete."""
        strips: list[Strip] = []
        for number, plan in enumerate(self._plans):
            scene = plan.scene
            if scene is None:
                continue
            for windows in plan.strips:
                left = [
                    window
                    for window in windows
                    if not (scene.sha256 and self._known(plan, identity(scene, window)))
                ]
                if left:
                    strips.append(
                        Strip(
                            number,
                            plan.source.path,
                            scene,
                            options.bands,
                            plan.limits,
                            tuple(left),
                            plan.scale,
                            plan.side,
                            options.outside,
                            plan.others,
                        )
                    )
        return strips

    def take(self, strip: Strip, result: Cut) -> None:
        """Take the tiles of a strip; none of a scene that could not be read before."""
        number = strip.number
        plan = self._plans[number]
        problem = self._problems.get(number) or result.problem
        scene = strip.scene
        if problem is None and not scene.sha256:
            try:
                scene = self._hashes.hashed(number, scene)
            except UnusableImageError as error:
                problem = str(error)
        if problem is not None:
            self._problems.setdefault(number, problem)
            remove(self._workspace.images, result.tiles)
            return
        self._sha256[number] = scene.sha256
        for tile in result.tiles:
            self._add(plan, scene, tile)
        self._taken[number] += sum(tile.file is not None for tile in result.tiles)
        batch, self._batch = self._batch, _Batch()
        images = self._workspace.images
        self._groups.add(batch, [images / temporary for temporary, _ in batch.moves])

    def finish(self, places: Places | None) -> None:
        """Write the last tiles, and record which scenes could not be used."""
        self._groups.finish()
        rejected: list[tuple[str, str]] = []
        accepted: list[str] = []
        read: list[tuple[str, str, SourceState]] = []
        for number, plan in enumerate(self._plans):
            source = self._found_at(plan)
            problem = plan.problem or self._problems.get(number)
            if problem is not None:
                taken = self._taken[number]
                kept = f"; {count_of(taken, 'tile')} read before stay" if taken else ""
                rejected.append((source, problem + kept))
            else:
                accepted.append(source)
                sha256 = self._sha256.get(number) or (plan.scene.sha256 if plan.scene else "")
                if plan.state is not None and sha256:
                    read.append((source, sha256, plan.state))
                if plan.note is not None:
                    self.report.notes.append((source, plan.note))
                if plan.scene is not None and self._moved(plan.scene, sha256):
                    self.report.notes.append((source, MOVED))
        with self._workspace.transaction() as db:
            record_rejected(db, rejected, self._now)
            forget_rejected(db, accepted)
            record_sources(db, read)
        self.report.rejected += rejected
        self.report.scenes = len(accepted) + sum(self._taken[n] > 0 for n in self._problems)
        if places is not None:
            inside = frozenset[int]().union(*(plan.taken for plan in self._plans))
            self.report.outside = len(places.points) - len(inside)

    def _moved(self, scene: Scene, sha256: str) -> bool:
        """Return whether a known scene has other coordinates now: they can be beside the file."""
        recorded = self._coordinates.get(sha256)
        return recorded is not None and (scene.crs, scene.transform) not in recorded

    def _found_at(self, plan: ScenePlan) -> str:
        """Return the resolved path of a file. It takes as long to find as to add a tile."""
        path = plan.source.path
        if path not in self._resolved:
            self._resolved[path] = shown(path.resolve())
        return self._resolved[path]

    def _identity(self, scene: Scene, tile: Tile) -> str:
        """Return what identifies a tile that was cut.

        A tile whose pixels do not depend on the settings is the one that was cut with others.
        """
        if scene.sha256 not in self._images:
            self._images[scene.sha256] = scene_images(self._workspace, scene.sha256)
        same = self._images[scene.sha256].get((tile.window, tile.pixel_sha256))
        return same or identity(scene, tile.window)

    def _known(self, plan: ScenePlan, name: str) -> bool:
        """Count a tile if it does not have to be cut."""
        if name in self._names.removed:
            self.report.removed += 1
            return True
        filename, _ = self._names.known.get(name, ("", ""))
        if filename not in self._present:
            return False
        self._count_known(plan, name)
        return True

    def _count_known(self, plan: ScenePlan, name: str) -> None:
        self.report.known += 1
        filename, category = self._names.known[name]
        if category != plan.source.category:
            found = self._found_at(plan)
            if all(source != found for source, _ in self.report.other_category):
                self.report.other_category.append((found, filename))

    def _add(self, plan: ScenePlan, scene: Scene, tile: Tile) -> None:
        if tile.file is None:
            self.report.left_out += 1
            return
        name = self._identity(scene, tile)
        if self._known(plan, name):
            remove(self._workspace.images, [tile])
            return
        if name in self._names.known:
            filename, _ = self._names.known[name]
            self._batch.moves.append((tile.file, filename))
            self._present.add(filename)
            self._count_known(plan, name)
            self.report.restored += 1
            return
        filename, number = self._names.give(name, plan.source.category)
        self._present.add(filename)
        self._batch.moves.append((tile.file, filename))
        self._batch.scenes[scene.sha256, scene.bands] = scene
        self._batch.images.append(
            NewImage(
                sha256=name,
                filename=filename,
                category=plan.source.category,
                number=number,
                source=self._found_at(plan),
                width=scene.width,
                height=scene.height,
                pixel_sha256=tile.pixel_sha256,
                phash=tile.phash,
                thumbnail=tile.thumbnail,
                ingested_at=self._now,
            )
        )
        self._batch.places.append(
            NewPlace(name, scene.sha256, scene.bands, tile.window, tile.footprint, tile.gsd)
        )

    def close(self) -> None:
        """Wait for the disk, and remove files that got no name."""
        self._groups.close()
        remove_unfinished_in(self._workspace.images)

    def _commit(self, group: Sequence[_Batch]) -> None:
        """Give the files of a group their names, and write its rows."""
        images = self._workspace.images
        for batch in group:
            for temporary, final in batch.moves:
                (images / temporary).replace(images / final)
        sync_path(images)
        with self._workspace.transaction() as db:
            for batch in group:
                add_images(db, batch.images)
                add_places(db, batch.scenes.values(), batch.places)
                self.report.added += len(batch.images)

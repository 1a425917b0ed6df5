"""``build split``: assign the images of a workspace to train, val and test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rsitmd_tools.dataset.records import SPLITS
from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.ingest.groups import places_current
from rsitmd_tools.ingest.spatial import recorded_block
from rsitmd_tools.splitting.assign import TEST, Item, assign_splits
from rsitmd_tools.splitting.grouping import Grouping, grouped, record_by, recorded_by
from rsitmd_tools.splitting.recorded import Assigned, record_assignments, recorded_assignments
from rsitmd_tools.splitting.relations import GROUP
from rsitmd_tools.splitting.report import Assignment
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import clear_removed_splits, former_names_of, removed_splits
from rsitmd_tools.workspace.images import set_splits, stored_images

if TYPE_CHECKING:
    from rsitmd_tools.splitting.kept_tests import KeptTests


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitReport(Assignment):
    """The result of a split.

    Attributes:
        images: Number of images by split.
        shares: The requested shares.
        settings_changed: Whether images keep splits that were assigned with other shares,
            another seed or other relations.
        keep_together: The relations of images that the split keeps together.
        places_searched: Whether all images were searched for pairs of one place.
        kept_tests: The test images of ``keep``; None without it.
    """

    images: dict[str, int]
    shares: dict[str, float]
    settings_changed: bool
    keep_together: tuple[str, ...]
    places_searched: bool
    kept_tests: KeptTests | None


def split(
    workspace: Workspace,
    shares: Mapping[str, float] | None = None,
    seed: int | None = None,
    reassign: bool = False,
    exclude: Path | None = None,
    block: float | None = None,
    by: str | None = None,
    keep: Path | None = None,
) -> SplitReport:
    """Assign the images that have no split yet. Running it again changes nothing.

    Images keep their split, because a test image of an earlier release must never become a
    training image of a later one. Use ``reassign`` to assign all images again.

    Args:
        workspace: A workspace opened for writing.
        shares: Share of each split; by default those of ``rsitmd.toml``.
        seed: Random seed; by default that of ``rsitmd.toml``.
        reassign: Assign all images again.
        exclude: A list of images that must not be used for training, from
            ``rsitmd validate --against``. They and the images of their groups are moved to test.
        block: Side of the blocks of spatial groups in metres, which is recorded; 0 for no blocks.
            By default the recorded one.
        by: What is never parted: ``group`` (the relations of ``keep_together``), also ``scene``
            (all tiles of a scene) or ``category``. It is recorded; by default the recorded one.
        keep: An older release, whose test images and the images of their groups are put into test.

    Raises:
        RsitmdError: There are no images, or not enough for each split, or ``exclude`` or
            ``keep`` cannot be read.
        WrongUsage: The shares do not sum to 1.
    """
    settings = workspace.settings.split
    shares = _checked(shares or {name: float(getattr(settings, name)) for name in SPLITS})
    seed = settings.seed if seed is None else seed
    by = recorded_by(workspace) if by is None else by
    groups = grouped(workspace, block, by)
    before = {image.filename: image.split for image in groups.stored if image.split}
    kept = {} if reassign else before | _with_removed(workspace, groups, before)
    tests, kept_tests = _test_images(workspace, exclude, keep)
    required = _to_test(groups.known, tests)
    assigned = assign_splits(groups.items, shares, seed, kept | required)
    images = Counter(assigned.values())
    empty = [name for name, share in shares.items() if share > 0 and not images[name]]
    if empty:
        advice = _advice(groups.items, shares, required, by) or (
            "use --reassign to assign all images again"
            if before and not reassign
            else "ingest more images"
        )
        raise _too_few(workspace, groups.items, {} if required else kept, empty, advice)
    changed = [(name, home) for name, home in assigned.items() if before.get(name) != home]
    recorded = [] if reassign or not before else recorded_assignments(workspace)
    run = Assigned(
        shares=shares,
        seed=seed,
        keep_together=sorted(settings.keep_together),
        by=by,
        block=recorded_block(workspace),
        images=len(assigned) if reassign else len(changed),
        keep_data_sha256=None if kept_tests is None else kept_tests.data_sha256,
        exclude_sha256=None if exclude is None else sha256_file(exclude),
    )
    with workspace.transaction() as db:
        if reassign:
            clear_removed_splits(db)
        # Removed images too: they can be restored, and new images can be similar to them.
        set_splits(db, [*changed, *required.items()])
        record_by(workspace, by)
        if reassign or changed:
            record_assignments(workspace, recorded, run)
    return SplitReport.of(
        groups,
        shares,
        assigned,
        placed=len(changed),
        seed=seed,
        by=by,
        images={name: images[name] for name in SPLITS},
        shares=shares,
        settings_changed=any(run.differs(earlier) for earlier in recorded),
        keep_together=settings.keep_together,
        places_searched=places_current(workspace),
        kept_tests=kept_tests,
    )


def _with_removed(
    workspace: Workspace, groups: Grouping, before: Mapping[str, str]
) -> dict[str, str]:
    """Return the split of new images in one group with a removed image that has a split.

    An earlier release may contain the removed image. Among several splits, test takes precedence;
    apart from test, the images that are not removed do.
    """
    group = {item.name: item.group for item in groups.known}
    names = {image.id: image.filename for image in stored_images(workspace, removed=True)}
    homes: dict[str, str] = {}
    for row, home in removed_splits(workspace).items():
        if homes.get(group[names[row]]) != TEST:
            homes[group[names[row]]] = home
    held = {group[image.filename] for image in groups.stored if image.filename in before}
    return {
        image.filename: homes[group[image.filename]]
        for image in groups.stored
        if image.filename not in before
        and group[image.filename] in homes
        and (homes[group[image.filename]] == TEST or group[image.filename] not in held)
    }


def _test_images(
    workspace: Workspace, exclude: Path | None, keep: Path | None
) -> tuple[set[str], KeptTests | None]:
    """Return the names of images that must be in test, and what is known of those of ``keep``."""
    names = set() if exclude is None else _excluded(workspace, exclude)
    if keep is None:
        return names, None
    from rsitmd_tools.splitting.kept_tests import find_test_images

    kept, found = find_test_images(workspace, keep)
    return names | kept, found


def _excluded(workspace: Workspace, file: Path) -> set[str]:
    """Return the file names of an exclusion list, current and former ones."""
    from rsitmd_tools.dataset.exclusions import read_exclusions
    from rsitmd_tools.formats import load_dataset

    names = read_exclusions(file, load_dataset(workspace.path, "workspace"))
    former = former_names_of(workspace)
    return {*names, *(former[name] for name in names if name in former)}


def _to_test(items: Sequence[Item], names: set[str]) -> dict[str, str]:
    """Return the split test for images and for their groups."""
    groups = {item.group for item in items if item.name in names}
    return {item.name: TEST for item in items if item.group in groups}


def _checked(shares: Mapping[str, float]) -> dict[str, float]:
    values = {name: float(shares.get(name, 0.0)) for name in SPLITS}
    total = sum(values.values())
    # Written so that nan is refused.
    if not (abs(total - 1) <= 1e-6 and min(values.values()) >= 0):
        raise WrongUsage(
            f"the shares {', '.join(f'{share:g}' for share in values.values())} sum to {total:g}",
            hint="use shares of train, val and test that sum to 1",
        )
    return values


def _advice(
    items: Sequence[Item], shares: Mapping[str, float], required: Mapping[str, str], by: str
) -> str:
    """Return what to do if too many images must be in test; empty if enough others are left."""
    free = {item.group for item in items if item.name not in required}
    if not required or len(free) >= sum(
        share > 0 for name, share in shares.items() if name != TEST
    ):
        return ""
    count = sum(item.name in required for item in items)
    return (
        f"--keep or --exclude puts {count} of {count_of(len(items), 'image')} into test; use "
        + ("another list or release" if by == GROUP else f"--by {GROUP} instead of {by}")
    )


def _too_few(
    workspace: Workspace,
    items: Sequence[Item],
    placed: Mapping[str, str],
    empty: Sequence[str],
    advice: str,
) -> RsitmdError:
    count = count_of(len(items), "image")
    free = sum(item.name not in placed for item in items)
    if free < len(items):
        images = f"images without a split ({free} of {count})"
    else:
        groups = len({item.group for item in items})
        images = f"images ({count} in {count_of(groups, 'group')})"
    return RsitmdError(
        f"too few {images}: {' and '.join(empty)} would be empty",
        where=workspace.path,
        hint=f"{advice}, or set the share of the empty split to 0",
    )

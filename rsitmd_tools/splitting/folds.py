"""``build split --folds``: assign the images of a workspace to test folds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from rsitmd_tools.dataset.folds import MAX_FOLDS
from rsitmd_tools.errors import RsitmdError, WrongUsage, count_of
from rsitmd_tools.splitting.assign import assign_splits
from rsitmd_tools.splitting.grouping import grouped, recorded_by
from rsitmd_tools.splitting.relations import GROUP
from rsitmd_tools.splitting.report import Assignment
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.folds import folds_request, set_folds, stored_folds


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldReport(Assignment):
    """The result of an assignment to folds.

    Attributes:
        folds: Number of images of each fold, from fold 0.
    """

    folds: tuple[int, ...]


def make_folds(
    workspace: Workspace,
    folds: int,
    seed: int | None = None,
    *,
    reassign: bool = False,
    block: float | None = None,
    by: str | None = None,
) -> FoldReport:
    """Assign every image to one of several test folds, which are kept in the workspace.

    The splits train, val and test do not change. Images keep their fold; only images without one
    are assigned, unless ``reassign`` is set.

    Args:
        workspace: A workspace opened for writing.
        folds: Number of folds.
        seed: Random seed; by default that of ``rsitmd.toml``.
        reassign: Assign all images again.
        block: As for :func:`rsitmd_tools.splitting.split`.
        by: As for :func:`rsitmd_tools.splitting.split`; by default that of the earlier folds,
            then that of the splits.

    Raises:
        RsitmdError: There are no images, fewer groups than folds, or another number of folds
            was assigned before.
        WrongUsage: There are fewer than two folds, or more than :data:`MAX_FOLDS`.
    """
    if not 2 <= folds <= MAX_FOLDS:
        raise WrongUsage(
            f"invalid value for --folds: {folds}", hint=f"use a number from 2 to {MAX_FOLDS}"
        )
    seed = workspace.settings.split.seed if seed is None else seed
    before = stored_folds(workspace)
    known = folds_request(workspace)
    if known is not None and known["folds"] != folds and before and not reassign:
        raise RsitmdError(
            f"has {known['folds']} folds",
            where=workspace.path,
            hint=f"use --folds {known['folds']}, or --reassign to assign all images again",
        )
    if by is None:
        by = recorded_by(workspace) if known is None else str(known["by"])
    groups = grouped(workspace, block, by)
    units = len({item.group for item in groups.items})
    if units < folds:
        raise RsitmdError(
            f"too few images for {folds} folds: {count_of(len(groups.items), 'image')} in"
            f" {count_of(units, 'group')}",
            where=workspace.path,
            hint="ingest more images, or use fewer folds"
            + ("" if by == GROUP else ", or --by group"),
        )
    names = [f"fold {number}" for number in range(folds)]
    shares = dict.fromkeys(names, 1 / folds)
    kept = {} if reassign else {name: names[fold] for name, fold in before.items()}
    assigned = assign_splits(groups.items, shares, seed, kept)
    images = Counter(assigned.values())
    empty = [name for name in names if not images[name]]
    if empty:
        raise RsitmdError(
            f"{' and '.join(empty)} would be empty",
            where=workspace.path,
            hint="use --reassign to assign all images again",
        )
    numbers = {name: names.index(home) for name, home in assigned.items()}
    changed = [(name, fold) for name, fold in numbers.items() if before.get(name) != fold]
    request = {"folds": folds, "seed": seed, "by": by}
    with workspace.transaction() as db:
        if reassign or not before:
            set_folds(workspace, db, numbers.items(), request, clear=True)
        elif changed or known is None or known["by"] != by:
            set_folds(workspace, db, changed, {**(known or request), "by": by}, clear=False)
    return FoldReport.of(
        groups,
        shares,
        assigned,
        placed=len(changed),
        seed=seed,
        by=by,
        folds=tuple(images[name] for name in names),
    )

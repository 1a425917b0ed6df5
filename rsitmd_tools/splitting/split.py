"""``build split``: place the images of a workspace in train, val and test."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from rsitmd_tools.dataset.records import SPLITS
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.ingest.ingest import group_duplicates
from rsitmd_tools.splitting.assign import Item, assign_splits
from rsitmd_tools.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SplitReport:
    """What a split gave.

    Attributes:
        images: Images by split.
        seed: The seed.
        kept_together: Images that lie in a group of exact or near duplicates.
    """

    images: dict[str, int]
    seed: int
    kept_together: int


def split(workspace: Workspace) -> SplitReport:
    """Split by the shares and the seed of ``rsitmd.toml``; the same again changes nothing.

    Raises:
        RsitmdError: There are no images, or too few for a split to have one.
    """
    settings = workspace.settings.split
    kept = group_duplicates(workspace)
    rows = workspace.db.execute("SELECT * FROM image").fetchall()
    names = {row["id"]: row["filename"] for row in rows}
    items = [
        Item(row["filename"], row["category"], names[row["duplicate_group"] or row["id"]])
        for row in rows
    ]
    if not items:
        raise RsitmdError(
            "holds no images",
            where=workspace.path,
            mend=f"run: rsitmd build ingest {workspace.path} FOLDER_OF_IMAGES",
        )
    shares = {name: float(getattr(settings, name)) for name in SPLITS}
    assigned = assign_splits(items, shares, settings.seed)
    count = Counter(assigned.values())
    empty = [name for name, share in shares.items() if share > 0 and not count[name]]
    if empty:
        raise RsitmdError(
            f"{len(items)} images in {len({i.group for i in items})} groups leave "
            f"{' and '.join(empty)} empty",
            where=workspace.path,
            mend="ingest more images or change the shares in rsitmd.toml",
        )
    with workspace.transaction() as db:
        db.executemany(
            "UPDATE image SET split = ? WHERE filename = ?",
            [(chosen, name) for name, chosen in assigned.items()],
        )
    return SplitReport({name: count[name] for name in SPLITS}, settings.seed, kept)

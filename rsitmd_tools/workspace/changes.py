"""Corrections of images: removed, restored, renamed, recategorised, with their history.

The functions that change something must be called inside a transaction.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.workspace.store import Workspace, utc_now

REMOVED, RESTORED, RENAMED, RECATEGORISED = "removed", "restored", "renamed", "recategorised"


@dataclass(frozen=True, slots=True)
class ImageState:
    """An image that can be corrected.

    Attributes:
        row: Row of the image.
        sha256: SHA-256 of the source file.
        filename: File name.
        category: Category.
        number: Number within the category.
        reason: Why it was removed; None if it is in the dataset.
    """

    row: int
    sha256: str
    filename: str
    category: str
    number: int
    reason: str | None


class Change(NamedTuple):
    """An entry of the history of images.

    Attributes:
        filename: Current file name of the image.
        kind: ``removed``, ``restored``, ``renamed`` or ``recategorised``.
        before: File name or category before.
        after: File name or category after.
        reason: The reason; may be empty.
        changed_at: ISO 8601, UTC.
    """

    filename: str
    kind: str
    before: str
    after: str
    reason: str
    changed_at: str


_STATE = (
    "SELECT image.id, sha256, filename, category, number, reason FROM image"
    " LEFT JOIN removed_image ON image_id = image.id"
)


def image_states(db: sqlite3.Connection) -> list[ImageState]:
    """Return all images, removed ones too, in the order in which they were added."""
    return [ImageState(*row) for row in db.execute(f"{_STATE} ORDER BY image.id")]


def image_named(db: sqlite3.Connection, filename: str) -> ImageState | None:
    """Return the image with a current file name, or None."""
    row = db.execute(f"{_STATE} WHERE filename = ?", (filename,)).fetchone()
    return None if row is None else ImageState(*row)


def find_image(workspace: Workspace, name: str) -> ImageState:
    """Return an image by its file name, with or without ``.tif``.

    Raises:
        RsitmdError: The workspace has no image of that name.
    """
    filename = with_suffix(name)
    image = image_named(workspace.db, filename)
    if image is not None:
        return image
    now = once_named(workspace.db, filename)
    raise RsitmdError(
        f"has no image {filename!r}",
        where=workspace.path,
        hint=f"its name is {now[0]} now" if now else f"use a file name in {workspace.images}",
    )


def with_suffix(name: str) -> str:
    """Return a file name with ``.tif``, which users may leave out."""
    return name if name.endswith(".tif") else f"{name}.tif"


def once_named(db: sqlite3.Connection, filename: str) -> list[str]:
    """Return the current file names of images that had another file name before."""
    rows = db.execute(
        "SELECT DISTINCT filename FROM image JOIN image_change ON image_id = image.id"
        " WHERE kind = ? AND before = ? AND filename <> before",
        (RENAMED, filename),
    )
    return [row["filename"] for row in rows]


def names_of(db: sqlite3.Connection, image: ImageState) -> list[str]:
    """Return the file name of an image and those that it had before."""
    rows = db.execute(
        "SELECT before FROM image_change WHERE image_id = ? AND kind = ? ORDER BY id",
        (image.row, RENAMED),
    )
    return [image.filename, *(row["before"] for row in rows)]


def former_names(db: sqlite3.Connection) -> list[str]:
    """Return the file names that images had before they were renamed."""
    rows = db.execute("SELECT before FROM image_change WHERE kind = ? ORDER BY id", (RENAMED,))
    return [row["before"] for row in rows]


def former_names_of(workspace: Workspace) -> dict[str, str]:
    """Return the current file name by former file name."""
    rows = workspace.db.execute(
        "SELECT before, filename FROM image_change JOIN image ON image.id = image_id"
        " WHERE kind = ? ORDER BY image_change.id",
        (RENAMED,),
    )
    return {row["before"]: row["filename"] for row in rows}


def recategorised_names(workspace: Workspace) -> frozenset[str]:
    """Return the current file names of images whose category was changed by hand."""
    rows = workspace.db.execute(
        "SELECT filename FROM image JOIN image_change ON image_id = image.id WHERE kind = ?",
        (RECATEGORISED,),
    )
    return frozenset(row["filename"] for row in rows)


def history(db: sqlite3.Connection, filename: str | None = None) -> list[Change]:
    """Return the changes of an image, or of all images, oldest first."""
    rows = db.execute(
        "SELECT filename, kind, before, after, reason, changed_at FROM image_change"
        " JOIN image ON image.id = image_id WHERE ? IS NULL OR filename = ?"
        " ORDER BY image_change.id",
        (filename, filename),
    )
    return [Change(*row) for row in rows]


def count_moves(db: sqlite3.Connection) -> int:
    """Return how many corrections have moved the file of an image."""
    rows = db.execute("SELECT count(*) FROM image_change WHERE kind <> ?", (RECATEGORISED,))
    return int(rows.fetchone()[0])


def remove_image(db: sqlite3.Connection, image: ImageState, reason: str) -> None:
    """Take an image out of the dataset."""
    now = utc_now()
    db.execute(
        "INSERT INTO removed_image (image_id, reason, removed_at) VALUES (?, ?, ?)",
        (image.row, reason, now),
    )
    _record(db, image, REMOVED, image.filename, image.filename, reason)


def restore_image(db: sqlite3.Connection, image: ImageState, reason: str) -> None:
    """Put an image back into the dataset."""
    db.execute("DELETE FROM removed_image WHERE image_id = ?", (image.row,))
    _record(db, image, RESTORED, image.filename, image.filename, reason)


def rename_image(
    db: sqlite3.Connection, image: ImageState, filename: str, number: int | None, reason: str
) -> None:
    """Give an image another file name, and the number in it if there is one."""
    db.execute(
        "UPDATE image SET filename = ?, number = coalesce(?, number) WHERE id = ?",
        (filename, number, image.row),
    )
    _record(db, image, RENAMED, image.filename, filename, reason)


def recategorise_image(
    db: sqlite3.Connection, image: ImageState, category: str, number: int, reason: str
) -> None:
    """Give an image another category and a number in it."""
    db.execute(
        "UPDATE image SET category = ?, number = ? WHERE id = ?", (category, number, image.row)
    )
    _record(db, image, RECATEGORISED, image.category, category, reason)


def category_counts(db: sqlite3.Connection) -> Counter[str]:
    """Return the number of images of each category, by name; removed images do not count."""
    rows = db.execute(
        "SELECT category, count(*) FROM kept_image GROUP BY category ORDER BY category"
    )
    return Counter(dict(rows.fetchall()))


def removed_keys(db: sqlite3.Connection) -> frozenset[str]:
    """Return the SHA-256 of the sources of removed images."""
    rows = db.execute("SELECT sha256 FROM image JOIN removed_image ON image_id = image.id")
    return frozenset(row["sha256"] for row in rows)


def removed_rows(db: sqlite3.Connection) -> frozenset[int]:
    """Return the rows of the removed images."""
    return frozenset(row["image_id"] for row in db.execute("SELECT image_id FROM removed_image"))


def removed_splits(workspace: Workspace) -> dict[int, str]:
    """Return the splits of removed images that have one, by row, the latest image first."""
    rows = workspace.db.execute(
        "SELECT image.id, split FROM image"
        " JOIN removed_image ON image_id = image.id WHERE split IS NOT NULL ORDER BY image.id DESC"
    )
    return dict(map(tuple, rows))


def clear_removed_splits(db: sqlite3.Connection) -> None:
    """Forget the splits of removed images, because all images are assigned again."""
    db.execute("UPDATE image SET split = NULL WHERE id IN (SELECT image_id FROM removed_image)")


def _record(
    db: sqlite3.Connection, image: ImageState, kind: str, before: str, after: str, reason: str
) -> None:
    db.execute(
        "INSERT INTO image_change (image_id, kind, before, after, reason, changed_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (image.row, kind, before, after, reason, utc_now()),
    )

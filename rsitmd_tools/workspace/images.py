"""The table of images: what an ingest adds, a split assigns and a release reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING

from rsitmd_tools.dataset.records import ImageRecord

if TYPE_CHECKING:
    from rsitmd_tools.workspace.store import Workspace


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image to be added.

    Attributes:
        sha256: SHA-256 of the source file.
        filename: ``<category>_<number>.tif``.
        category: Category of the scene.
        number: Number within the category.
        source: Path of the source file.
        width: Width of the source in pixels.
        height: Height of the source in pixels.
        pixel_sha256: SHA-256 of the normalised RGB pixels.
        phash: Perceptual hashes of the eight orientations, in hex digits.
        ingested_at: ISO 8601, UTC.
        thumbnail: 32 x 32 grey values from which duplicates are found; empty to compute it later.
    """

    sha256: str
    filename: str
    category: str
    number: int
    source: str
    width: int
    height: int
    pixel_sha256: str
    phash: str
    ingested_at: str
    thumbnail: bytes = b""


_COLUMNS = attrgetter(*(field.name for field in fields(NewImage) if field.name != "thumbnail"))


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image of the workspace.

    Attributes:
        id: Row of the image.
        sha256: SHA-256 of the source file.
        filename: ``<category>_<number>.tif``.
        category: Category of the scene.
        number: Number within the category.
        pixel_sha256: SHA-256 of the normalised RGB pixels.
        phash: Perceptual hashes of the eight orientations, in hex digits.
        duplicate_group: Row of the first image of its group of duplicates; None if it has no
            duplicate.
        split: ``train``, ``val`` or ``test``; None before the split.
    """

    id: int
    sha256: str
    filename: str
    category: str
    number: int
    pixel_sha256: str
    phash: str
    duplicate_group: int | None
    split: str | None


@dataclass(frozen=True, slots=True)
class PushedImage:
    """A task on the server and its image.

    Attributes:
        sha256: SHA-256 of the image's source file.
        project: Number of the project on the server.
        task: Number of the task on the server.
    """

    sha256: str
    project: int
    task: int


def stored_images(workspace: Workspace, *, removed: bool = False) -> list[StoredImage]:
    """Return the images, in the order in which they were added.

    Args:
        workspace: The workspace.
        removed: Return the images that were removed from the dataset too.
    """
    table = "image" if removed else "kept_image"
    rows = workspace.db.execute(
        "SELECT id, sha256, filename, category, number, pixel_sha256, phash, duplicate_group,"
        f" split FROM {table} ORDER BY id"
    )
    return [StoredImage(*row) for row in rows]


def has_images(workspace: Workspace) -> bool:
    """Return whether the workspace has any image."""
    return workspace.db.execute("SELECT 1 FROM image").fetchone() is not None


def add_images(db: sqlite3.Connection, images: Iterable[NewImage]) -> None:
    """Add images. Call it inside a transaction."""
    images = list(images)
    db.executemany(
        "INSERT INTO image (sha256, filename, category, number, source, width, height,"
        " pixel_sha256, phash, ingested_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        map(_COLUMNS, images),
    )
    db.executemany(
        "INSERT INTO thumbnail SELECT id, ? FROM image WHERE filename = ?",
        ((image.thumbnail, image.filename) for image in images if image.thumbnail),
    )


def set_duplicate_groups(db: sqlite3.Connection, groups: Iterable[tuple[int, int | None]]) -> None:
    """Set the duplicate groups of images. Call it inside a transaction.

    Args:
        db: The workspace's database.
        groups: Pairs of an image's row and its group.
    """
    db.executemany(
        "UPDATE image SET duplicate_group = ? WHERE id = ?", ((group, row) for row, group in groups)
    )


def set_splits(db: sqlite3.Connection, splits: Iterable[tuple[str, str]]) -> None:
    """Set the splits of images. Call it inside a transaction.

    Args:
        db: The workspace's database.
        splits: Pairs of an image's file name and its split.
    """
    db.executemany(
        "UPDATE image SET split = ? WHERE filename = ?", ((split, name) for name, split in splits)
    )


def count_duplicates(workspace: Workspace) -> tuple[int, int]:
    """Return the number of images in groups of duplicates, and of these groups."""
    row = workspace.db.execute(
        "SELECT count(duplicate_group), count(DISTINCT duplicate_group) FROM image"
    ).fetchone()
    return int(row[0]), int(row[1])


def last_image(workspace: Workspace) -> int:
    """Return the row of the image that was added last; 0 if there is none."""
    return int(workspace.db.execute("SELECT coalesce(max(id), 0) FROM image").fetchone()[0])


def record_rejected(
    db: sqlite3.Connection, rejected: Iterable[tuple[str, str]], rejected_at: str
) -> None:
    """Record files that cannot be used. Call it inside a transaction.

    A file that is recorded with the same reason keeps its date.

    Args:
        db: The workspace's database.
        rejected: Pairs of a file's path and the reason.
        rejected_at: ISO 8601, UTC.
    """
    db.executemany(
        "INSERT INTO rejected VALUES (?, ?, ?) ON CONFLICT (source) DO UPDATE SET"
        " reason = excluded.reason, rejected_at = excluded.rejected_at"
        " WHERE reason != excluded.reason",
        ((source, why, rejected_at) for source, why in rejected),
    )


def forget_rejected(db: sqlite3.Connection, sources: Iterable[str]) -> None:
    """Remove the records of files that can be used now. Call it inside a transaction."""
    db.executemany("DELETE FROM rejected WHERE source = ?", ((source,) for source in sources))


def pushed_images(workspace: Workspace, email: str) -> list[PushedImage]:
    """Return the tasks of an annotator's own project and of shared projects, in order.

    Args:
        workspace: The workspace.
        email: Address of the annotator.
    """
    rows = workspace.db.execute(
        "SELECT image.sha256, project.server_id, task.server_id FROM task"
        " JOIN image ON image.id = task.image_id JOIN project ON project.id = task.project_id"
        " LEFT JOIN annotator ON annotator.id = project.annotator_id"
        " WHERE annotator.email IS NULL OR annotator.email = ? ORDER BY task.id",
        (email,),
    )
    return [PushedImage(*row) for row in rows]


def annotator_pseudonyms(workspace: Workspace) -> dict[str, str]:
    """Return the pseudonym of each annotator by address, the same in all releases.

    It has the row of the annotator in the workspace.
    """
    rows = workspace.db.execute("SELECT email, id FROM annotator")
    return {row["email"]: f"annotator-{row['id']}" for row in rows}


def renamed_annotators(
    images: Iterable[ImageRecord], rename: Callable[[str], str]
) -> Iterator[ImageRecord]:
    """Yield images whose sentences have other names of those who wrote or changed them.

    Args:
        images: The images.
        rename: Returns the new name of an annotator.
    """
    for image in images:
        sentences = tuple(
            sentence
            if sentence.annotator is None
            else replace(
                sentence,
                annotator=rename(sentence.annotator),
                changed_by=None if sentence.changed_by is None else rename(sentence.changed_by),
            )
            for sentence in image.sentences
        )
        yield replace(image, sentences=sentences)


def annotator_names(workspace: Workspace) -> dict[str, str]:
    """Return the display name of each annotator by address; it can be empty."""
    rows = workspace.db.execute("SELECT email, name FROM annotator")
    return {row["email"]: row["name"] for row in rows}


def authors_by_image(workspace: Workspace) -> set[tuple[str, str]]:
    """Return pairs of a file name and the address of an annotator who wrote about the image.

    Sentences and keywords of the main projects count.
    """
    rows = workspace.db.execute(
        "SELECT DISTINCT filename, email FROM current_annotation AS annotation"
        " JOIN main_task ON main_task.id = task_id"
        " JOIN image ON image.id = image_id"
        " JOIN annotator ON annotator.id = annotation.annotator_id"
    )
    return {(row["filename"], row["email"]) for row in rows}


def first_annotated(workspace: Workspace) -> str | None:
    """Return the time of the first annotation (ISO 8601, UTC), or None without annotations.

    Pilots and removed images do not count.
    """
    return _annotated(workspace, "min(annotation.created_at)")


def last_annotated(workspace: Workspace) -> str | None:
    """Return the time of the latest revision (ISO 8601, UTC), or None without annotations.

    Pilots and removed images do not count.
    """
    return _annotated(workspace, "max(annotation.updated_at)")


def _annotated(workspace: Workspace, time: str) -> str | None:
    row = workspace.db.execute(
        f"SELECT {time} FROM current_annotation AS annotation"
        " JOIN main_task ON main_task.id = task_id"
        " WHERE main_task.image_id NOT IN (SELECT image_id FROM removed_image)"
    ).fetchone()
    return None if row[0] is None else str(row[0])

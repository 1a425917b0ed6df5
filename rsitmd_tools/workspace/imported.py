"""Texts of other datasets: ``imported_image`` and the tables of its sentences and keywords.

Imported sentences have no annotator, so that no count of annotators' work contains them. A sentence
that an annotator submits on the page ``correction`` takes the place of the imported one.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rsitmd_tools.dataset.records import ImageRecord, Sentence

if TYPE_CHECKING:
    from rsitmd_tools.workspace.images import StoredImage
    from rsitmd_tools.workspace.store import Workspace

# Field of a sentence that names the dataset it comes from.
IMPORTED_FROM = "imported_from"
CORRECTED_FROM = "corrected_from"


@dataclass(frozen=True, slots=True)
class NewImported:
    """An image of another dataset to be added with its texts.

    Attributes:
        name: Its name there.
        category: Category of the scene.
        number: Number within the category.
        split: ``train``, ``val``, ``test`` or None.
        sentences: Its sentences in order, blank ones included.
        keywords: Its keywords in order.
    """

    name: str
    category: str
    number: int
    split: str | None
    sentences: tuple[str, ...]
    keywords: tuple[str, ...]


class ImportedImage(NamedTuple):
    """An image of another dataset.

    Attributes:
        row: Row in the table ``imported_image``.
        name: Its name there.
        category: Category of the scene.
        number: Number within the category.
        split: Its split there, or None.
        image: Row in the table ``image``; None while the workspace has no file of it.
    """

    row: int
    name: str
    category: str
    number: int
    split: str | None
    image: int | None


class ImportedSentence(NamedTuple):
    """An imported sentence of an image.

    Attributes:
        row: Row in the table ``imported_sentence``.
        image: Row of the image; None while the workspace has no file of it.
        imported: Row in the table ``imported_image``.
        place: Number of the sentence among all imported ones of the image, from 1: the number of
            its field on the page ``correction``.
        raw: The text; it can be blank.
        dataset: Name of the dataset that it comes from.
        after: Row of the last annotation that was stored before the image had this sentence.
    """

    row: int
    image: int | None
    imported: int
    place: int
    raw: str
    dataset: str
    after: int


def imported_images(workspace: Workspace, dataset: str) -> list[ImportedImage]:
    """Return the imported images of a dataset, in the order of import."""
    rows = workspace.db.execute(
        "SELECT id, name, category, number, split, image_id FROM imported_image"
        " WHERE dataset = ? ORDER BY id",
        (dataset,),
    )
    return [ImportedImage(*row) for row in rows]


def imported_texts(workspace: Workspace, dataset: str) -> dict[str, tuple[str, ...]]:
    """Return the sentences of a dataset's images as they were imported, by name there."""
    first = (
        "coalesce((SELECT before FROM imported_correction WHERE"
        " imported_sentence_id = imported_sentence.id ORDER BY id LIMIT 1), raw)"
    )
    return _by_name(workspace, dataset, "imported_sentence", first)


def given_keywords(workspace: Workspace, dataset: str) -> dict[str, tuple[str, ...]]:
    """Return the keywords of a dataset's images as they were imported, by name there."""
    return _by_name(workspace, dataset, "imported_keyword", "raw")


def _by_name(
    workspace: Workspace, dataset: str, table: str, value: str
) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for name, text in workspace.db.execute(
        f"SELECT name, {value} FROM {table}"
        " JOIN imported_image ON imported_image.id = imported_image_id"
        " WHERE dataset = ? ORDER BY imported_image.id, slot",
        (dataset,),
    ):
        found[name].append(text)
    return {name: tuple(texts) for name, texts in found.items()}


def add_imported(
    db: sqlite3.Connection, dataset: str, images: Iterable[NewImported], imported_at: str
) -> None:
    """Add images of another dataset with their texts. Call it inside a transaction.

    Args:
        db: The workspace's database.
        dataset: Name of the dataset.
        images: The images, in the order of the dataset.
        imported_at: ISO 8601, UTC.
    """
    for image in images:
        row = db.execute(
            "INSERT INTO imported_image (dataset, name, category, number, split, imported_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (dataset, image.name, image.category, image.number, image.split, imported_at),
        ).lastrowid
        for table, texts in (
            ("imported_sentence", image.sentences),
            ("imported_keyword", image.keywords),
        ):
            db.executemany(
                f"INSERT INTO {table} (imported_image_id, slot, raw) VALUES (?, ?, ?)",
                [(row, slot, text) for slot, text in enumerate(texts, 1)],
            )


def link_images(db: sqlite3.Connection, links: Iterable[tuple[int, str]]) -> None:
    """Link imported images with images of the workspace. Call it inside a transaction.

    An image that has no split gets that of the other dataset. The sentences come after those that
    the image has already: corrections on the page ``correction`` refer to the places of these.

    Args:
        db: The workspace's database.
        links: Rows in the table ``imported_image``, with the SHA-256 of the image's source.
    """
    for row, sha256 in links:
        place = _last_place(db, row, sha256)
        db.execute(
            "UPDATE imported_image SET image_id = (SELECT id FROM image WHERE sha256 = ?),"
            " after_annotation = (SELECT coalesce(max(id), 0) FROM annotation) WHERE id = ?",
            (sha256, place),
        )
        db.execute(
            "UPDATE image SET split = (SELECT split FROM imported_image WHERE id = ?)"
            " WHERE sha256 = ? AND split IS NULL",
            (place, sha256),
        )


def _last_place(db: sqlite3.Connection, row: int, sha256: str) -> int:
    """Move a row of ``imported_image`` behind those that the image has; return its row."""
    later = (
        "SELECT EXISTS (SELECT 1 FROM imported_image WHERE id > ? AND image_id ="
        " (SELECT id FROM image WHERE sha256 = ?))"
    )
    if not db.execute(later, (row, sha256)).fetchone()[0]:
        return row
    [place] = db.execute("SELECT max(id) + 1 FROM imported_image").fetchone()
    db.execute("PRAGMA defer_foreign_keys = ON")  # until the end of the transaction
    db.execute("UPDATE imported_image SET id = ? WHERE id = ?", (place, row))
    for table in ("imported_sentence", "imported_keyword"):
        db.execute(
            f"UPDATE {table} SET imported_image_id = ? WHERE imported_image_id = ?", (place, row)
        )
    return int(place)


def repeated_key(sha256: str, dataset: str, name: str) -> str:
    """Return the key of an image whose file is equal to that of another image of its dataset.

    Args:
        sha256: SHA-256 of the file.
        dataset: Name of the dataset.
        name: Name of the image in it.
    """
    text = f"{sha256}\n{dataset}\n{name}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def file_checksums(workspace: Workspace, images: Sequence[StoredImage]) -> dict[str, str]:
    """Return the SHA-256 of the source file of images by their names in the workspace.

    It is their key, except for images whose file is equal to that of another image of an imported
    dataset (:func:`repeated_key`).
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for image in images:
        alike[image.pixel_sha256].append(image.sha256)
    records: dict[int, list[tuple[str, str]]] = defaultdict(list)
    if any(len(keys) > 1 for keys in alike.values()):
        for row, dataset, name in workspace.db.execute(
            "SELECT image_id, dataset, name FROM imported_image WHERE image_id IS NOT NULL"
        ):
            records[row].append((dataset, name))
    found = {}
    for image in images:
        files = (
            key
            for key in alike[image.pixel_sha256]
            if any(repeated_key(key, *record) == image.sha256 for record in records[image.id])
        )
        found[image.filename] = next(files, image.sha256)
    return found


def images_with_sentences(workspace: Workspace) -> set[int]:
    """Return the rows of the images that have sentences of annotators or other datasets."""
    rows = workspace.db.execute(
        "SELECT image_id FROM imported_sentence"
        " JOIN imported_image ON imported_image.id = imported_image_id WHERE trim(raw) <> ''"
        " UNION SELECT main_task.image_id FROM current_sentence"
        " JOIN annotation ON annotation.id = annotation_id"
        " JOIN main_task ON main_task.id = annotation.task_id WHERE trim(raw) <> ''"
    )
    return {row["image_id"] for row in rows if row["image_id"] is not None}


def reserved_numbers(workspace: Workspace) -> set[tuple[str, int]]:
    """Return the categories and numbers that images without a file will have."""
    rows = workspace.db.execute(
        "SELECT category, number FROM imported_image WHERE image_id IS NULL"
    )
    return {(row["category"], row["number"]) for row in rows}


def reserved_names(workspace: Workspace) -> set[str]:
    """Return the file names under which the dataset has images without a file."""
    return {f"{category}_{number}.tif" for category, number in reserved_numbers(workspace)}


def imported_sentences(workspace: Workspace, *, removed: bool = False) -> list[ImportedSentence]:
    """Return the imported sentences, by image and place.

    Args:
        workspace: The workspace.
        removed: Include those of images that were removed from the dataset.
    """
    place: Counter[int] = Counter()
    found = []
    for row, image, imported, raw, dataset, after in workspace.db.execute(
        "SELECT imported_sentence.id, image_id, imported_image_id, raw, dataset, after_annotation"
        " FROM imported_sentence JOIN imported_image ON imported_image.id = imported_image_id"
        " WHERE ? OR image_id IS NULL OR image_id NOT IN (SELECT image_id FROM removed_image)"
        " ORDER BY imported_image.id, slot",
        (removed,),
    ):
        # Negative: the images without a file.
        key = -imported if image is None else image
        place[key] += 1
        found.append(ImportedSentence(row, image, imported, place[key], raw, dataset, after))
    return found


def has_imported_sentences(db: sqlite3.Connection) -> bool:
    """Return whether an image with a file has imported sentences."""
    row = db.execute(
        "SELECT 1 FROM imported_sentence"
        " JOIN imported_image ON imported_image.id = imported_image_id"
        " WHERE image_id IS NOT NULL LIMIT 1"
    ).fetchone()
    return row is not None


def imported_captions(db: sqlite3.Connection, image: int) -> list[tuple[str, str]]:
    """Return the imported sentences of an image (row) in order, each with its dataset."""
    rows = db.execute(
        "SELECT raw, dataset FROM imported_sentence"
        " JOIN imported_image ON imported_image.id = imported_image_id"
        " WHERE image_id = ? ORDER BY imported_image.id, slot",
        (image,),
    )
    return [(row["raw"], row["dataset"]) for row in rows]


def imported_of_project(workspace: Workspace, project: int) -> dict[int, list[str]]:
    """Return the imported sentences for the tasks of a project that are on the server.

    Args:
        workspace: The workspace.
        project: Row in table ``project``.

    Returns:
        The sentences in order by number of the task on the server.
    """
    found: dict[int, list[str]] = defaultdict(list)
    for row in workspace.db.execute(
        "SELECT task.server_id, raw FROM imported_sentence"
        " JOIN imported_image ON imported_image.id = imported_image_id JOIN task USING (image_id)"
        " WHERE project_id = ? AND task.server_id > 0"
        " ORDER BY task.id, imported_image.id, slot",
        (project,),
    ):
        found[row["server_id"]].append(row["raw"])
    return found


def remaining(
    sentences: Iterable[ImportedSentence], corrected: Set[tuple[int, int]]
) -> dict[int, list[ImportedSentence]]:
    """Return the imported sentences that no annotator has corrected, by row of the image.

    Args:
        sentences: Imported sentences; those of images without a file are left out.
        corrected: Rows of images and places of sentences.
    """
    found: dict[int, list[ImportedSentence]] = defaultdict(list)
    for sentence in sentences:
        if sentence.image is not None and (sentence.image, sentence.place) not in corrected:
            found[sentence.image].append(sentence)
    return found


def imported_keywords(workspace: Workspace) -> dict[int, list[str]]:
    """Return the imported keywords by row of the image; negative: of images without a file."""
    found: dict[int, list[str]] = defaultdict(list)
    for row in workspace.db.execute(
        "SELECT coalesce(image_id, -imported_image.id) AS image, raw FROM imported_keyword"
        " JOIN imported_image ON imported_image.id = imported_image_id"
        " ORDER BY imported_image.id, slot"
    ):
        found[row["image"]].append(row["raw"])
    return found


def records_without_file(workspace: Workspace) -> list[ImageRecord]:
    """Return the imported images without an image file in the workspace, with their texts."""
    waiting = "SELECT EXISTS (SELECT 1 FROM imported_image WHERE image_id IS NULL)"
    if not workspace.db.execute(waiting).fetchone()[0]:
        return []
    sentences: dict[int, list[Sentence]] = defaultdict(list)
    for sentence in imported_sentences(workspace):
        if sentence.image is None:
            sentences[sentence.imported].append(as_sentence(sentence))
    keywords = imported_keywords(workspace)
    rows = workspace.db.execute(
        "SELECT id, category, number, split FROM imported_image WHERE image_id IS NULL"
        " ORDER BY category, number"
    )
    return [
        ImageRecord(
            filename=f"{row['category']}_{row['number']}.tif",
            sentences=tuple(sentences[row["id"]]),
            keywords=tuple(keywords.get(-row["id"], ())),
            split=row["split"],
            category=row["category"],
        )
        for row in rows
    ]


def names_without_file(workspace: Workspace) -> list[tuple[str, str]]:
    """Return the dataset and the name there of each image without a file."""
    rows = workspace.db.execute(
        "SELECT dataset, name FROM imported_image WHERE image_id IS NULL ORDER BY id"
    )
    return [(row["dataset"], row["name"]) for row in rows]


def as_sentence(sentence: ImportedSentence) -> Sentence:
    """Return an imported sentence as a dataset contains it."""
    return Sentence(sentence.raw, extra={IMPORTED_FROM: sentence.dataset})

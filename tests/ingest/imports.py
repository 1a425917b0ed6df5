"""Datasets to import, and what a workspace has of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rsitmd_tools.cli import root
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.ingest.importing import ImportReport, import_dataset
from rsitmd_tools.workspace import Workspace

FIVE = tuple(f"Sentence {n} says what is there." for n in range(5))


def record(filename: str, *sentences: str, **fields: Any) -> ImageRecord:
    return ImageRecord(filename, tuple(map(Sentence, sentences or FIVE)), **fields)


def dataset(*records: ImageRecord, folder: Path | None = None, name: str = "Old") -> Dataset:
    return Dataset(name, records, Path("old"), "rsitmd", folder)


def into(workspace: Path, data: Dataset) -> ImportReport:
    with Workspace.create(workspace) as opened:
        return import_dataset(opened, data, workers=1)


def rows(workspace: Path, query: str) -> list[tuple[Any, ...]]:
    with Workspace.open(workspace) as opened:
        return [tuple(row) for row in opened.db.execute(query)]


def state(workspace: Path) -> tuple[Any, ...]:
    """Return all rows but the times, and the files."""
    with Workspace.open(workspace) as opened:
        found = [
            [tuple(row) for row in opened.db.execute(f"SELECT {columns} FROM {table}")]
            for table, columns in (
                ("image", "id, sha256, filename, source, pixel_sha256, duplicate_group, split"),
                ("imported_image", "id, dataset, name, category, number, split, image_id"),
                ("imported_sentence", "*"),
                ("imported_keyword", "*"),
                ("rejected", "source, reason"),
            )
        ]
        files = {path.name: path.read_bytes() for path in opened.images.iterdir()}
    return found, files


def run(*arguments: object) -> int:
    return root._run([str(argument) for argument in arguments], False)

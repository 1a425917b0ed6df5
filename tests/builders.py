"""Rows of a workspace for tests: a call names the columns that the test is about.

with workspace.transaction() as db:
    image = add(db, "image", category="port", number=1)
    task = add(db, "task", project_id=1, image_id=image)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

WHEN = "2026-01-01T00:00:00.000000+00:00"
Row = dict[str, Any]


def _image(row: Row) -> Row:
    category, number = row.get("category", "port"), row.get("number", 1)
    return {
        "sha256": f"{category} {number}",
        "filename": f"{category}_{number}.tif",
        "category": category,
        "number": number,
        "source": "source",
        "width": 1,
        "height": 1,
        "pixel_sha256": f"pixels of {category} {number}",
        "phash": "0" * 16,
        "ingested_at": WHEN,
    }


def _project(row: Row) -> Row:
    return {
        "server": "here",
        "server_id": row.get("id", 1),
        "template": "t",
        "config": "c",
        "created_at": WHEN,
    }


def _task(row: Row) -> Row:
    return {"project_id": 1, "server_id": row.get("id", row.get("image_id", 1)), "pushed_at": WHEN}


def _annotation(row: Row) -> Row:
    written = row.get("created_at", WHEN)
    return {
        "task_id": 1,
        "server_id": row.get("id", 1),
        "created_at": written,
        "updated_at": written,
        "annotator_id": 1,
        "result": "[]",
        "pulled_at": WHEN,
    }


def _scene(row: Row) -> Row:
    number = row.get("id", 1)
    return {
        "sha256": f"scene{number}",
        "source": f"scene_{number}.tif",
        "found_at": "/data/a.tif",
        "size": 9,
        "mtime_ns": 7,
        "width": 160,
        "height": 160,
        "bands": "{}",
    }


def _text(row: Row) -> Row:
    return {"slot": 1}


def _annotator(row: Row) -> Row:
    return {"email": f"person{row.get('id', 1)}@example.org"}


def _nothing(row: Row) -> Row:
    return {}


DEFAULTS: dict[str, Callable[[Row], Row]] = {
    "image": _image,
    "annotator": _annotator,
    "project": _project,
    "task": _task,
    "annotation": _annotation,
    "scene": _scene,
    "sentence": _text,
    "keyword": _text,
    "assignment": lambda row: {"planned_at": WHEN},
    "removed_image": lambda row: {"reason": "a request", "removed_at": WHEN},
    "skip": lambda row: {"server_id": row.get("id", 1), "skipped_at": WHEN},
    "prediction": lambda row: {"slot": 1, "model": "model", "added_at": WHEN},
}


def add(db: sqlite3.Connection, table: str, **columns: Any) -> int:
    """Insert a row and return its id; columns that are not given get a plausible value."""
    row = {**DEFAULTS.get(table, _nothing)(columns), **columns}
    names, places = ", ".join(row), ", ".join("?" * len(row))
    cursor = db.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(row.values()))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def add_team(db: sqlite3.Connection, *emails: str) -> None:
    """Insert a shared project and annotators, who get the rows 1, 2, ..."""
    add(db, "project")
    for email in emails:
        add(db, "annotator", email=email)


def add_annotation(
    db: sqlite3.Connection,
    sentences: Sequence[str | None] = (),
    keywords: Sequence[str] = (),
    *,
    state: str = "new",
    origin: str | None = None,
    **columns: Any,
) -> int:
    """Insert an annotation with its sentences (None leaves a slot empty) and keywords."""
    row = add(db, "annotation", **columns)
    for slot, raw in enumerate(sentences, 1):
        if raw is not None:
            more = {} if origin is None else {"origin": origin}
            add(db, "sentence", annotation_id=row, slot=slot, raw=raw, state=state, **more)
    for slot, raw in enumerate(keywords, 1):
        add(db, "keyword", annotation_id=row, slot=slot, raw=raw)
    return row

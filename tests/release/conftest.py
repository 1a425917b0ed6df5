"""A workspace whose campaign is over, made without a server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rsitmd_tools.workspace import Workspace

WHEN = "2026-01-02T03:04:05Z"
WORDS = ("white ship", "grey pier", "blue sea", "green lawn", "red roof", "long road")
SPLITS = ("train", "train", "val", "test")

MakeWorkspace = Callable[..., Path]


@pytest.fixture
def make_workspace(tmp_path: Path) -> MakeWorkspace:
    """Return a function that makes a workspace of captioned images."""

    def make(
        images: int = 8,
        sentences: int = 5,
        splits: tuple[str | None, ...] = SPLITS,
        lacking: tuple[int, ...] = (),
        name: str = "workspace",
    ) -> Path:
        folder = tmp_path / name
        with Workspace.create(folder, "Häfen") as workspace:
            with workspace.transaction() as db:
                db.execute(
                    "INSERT INTO project (id, server, server_id, template, config, created_at)"
                    " VALUES (1, 'here', 1, 'template', 'sha256', ?)",
                    (WHEN,),
                )
                db.executemany(
                    "INSERT INTO annotator (email) VALUES (?)",
                    [(f"person{slot}@example.org",) for slot in range(sentences)],
                )
            for index in range(images):
                count = sentences - 1 if index in lacking else sentences
                add_image(workspace, index, count, splits[index % len(splits)])
        return folder

    return make


def add_image(workspace: Workspace, index: int, sentences: int, split: str | None) -> None:
    category = ("harbour", "farm")[index % 2]
    filename = f"{category}_{index // 2 + 1}.tif"
    values = np.random.default_rng(index).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    image = Image.fromarray(values)
    image.save(workspace.images / filename, compression="tiff_lzw")
    pixels = hashlib.sha256(image.tobytes()).hexdigest()
    with workspace.transaction() as db:
        db.execute(
            "INSERT INTO image (id, sha256, filename, category, number, source, width, height,"
            " pixel_sha256, phash, split, ingested_at)"
            " VALUES (?, ?, ?, ?, ?, 'source', 16, 16, ?, '0', ?, ?)",
            (index + 1, str(index), filename, category, index // 2 + 1, pixels, split, WHEN),
        )
        db.execute(
            "INSERT INTO task (id, project_id, image_id, server_id, pushed_at)"
            " VALUES (?, 1, ?, ?, ?)",
            (index + 1, index + 1, index, WHEN),
        )
        for slot in range(sentences):
            thing = WORDS[(index + slot) % len(WORDS)]
            annotation = db.execute(
                "INSERT INTO annotation (task_id, server_id, updated_at, created_at,"
                " annotator_id, result, pulled_at) VALUES (?, ?, ?, ?, ?, '[]', ?)",
                (index + 1, 10 * index + slot, WHEN, WHEN, slot + 1, WHEN),
            ).lastrowid
            db.execute(
                "INSERT INTO sentence (annotation_id, slot, raw) VALUES (?, 1, ?)",
                (annotation, f"{slot + 1} {thing}s lie in the {category} number {index}."),
            )
            db.execute(
                "INSERT INTO keyword (annotation_id, slot, raw) VALUES (?, 1, ?)",
                (annotation, thing),
            )

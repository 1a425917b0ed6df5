"""A workspace whose campaign is over, made without a server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from rsitmd_tools.imaging.perceptual import grey_thumbnail, perceptual_hashes
from rsitmd_tools.release.facts import ReleaseFacts
from rsitmd_tools.workspace import Workspace
from tests.builders import add, add_annotation, add_team

WHEN = "2026-01-02T03:04:05Z"
WORDS = ("white ship", "grey pier", "blue sea", "green lawn", "red roof", "long road")
SPLITS = ("train", "train", "val", "test")

MakeWorkspace = Callable[..., Path]
MakeFacts = Callable[..., ReleaseFacts]


@pytest.fixture
def make_facts() -> MakeFacts:
    """Return a function that makes the facts of a release, with changes."""

    def make(**changes: Any) -> ReleaseFacts:
        facts: dict[str, Any] = {
            "title": "ports", "version": "1.0.0", "authors": ("Lee, B.",), "url": "", "doi": "",
            "text_licence": "", "image_licence": "", "images": {"train": 4, "val": 2, "test": 2},
            "sentences": 40, "keywords": 20, "categories": {"farm": 4, "harbour": 4},
            "annotators": 5, "sentences_per_image": "5", "image_size": 256, "machine_given": 0,
            "imported": False, "with_images": True, "with_prior": True, "crossing": 0, "box": None,
            "resolution": None, "period": "",
        }  # fmt: skip
        return ReleaseFacts(**(facts | changes))

    return make


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
        with Workspace.create(
            folder, "Häfen", text_licence="CC-BY-4.0", image_licence="CC0-1.0"
        ) as workspace:
            with workspace.transaction() as db:
                add_team(db, *(f"person{slot}@example.org" for slot in range(sentences)))
            for index in range(images):
                count = sentences - 1 if index in lacking else sentences
                add_image(workspace, index, count, splits[index % len(splits)])
        return folder

    return make


def add_image(
    workspace: Workspace,
    index: int,
    sentences: int,
    split: str | None,
    values: npt.NDArray[np.uint8] | None = None,
) -> None:
    """Add an image with its sentences; ``values`` are its pixels, noise by default."""
    category = ("harbour", "farm")[index % 2]
    filename = f"{category}_{index // 2 + 1}.tif"
    if values is None:
        values = np.random.default_rng(index).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    image = Image.fromarray(values)
    image.save(workspace.images / filename, compression="tiff_lzw")
    pixels = hashlib.sha256(image.tobytes()).hexdigest()
    with workspace.transaction() as db:
        row = add(
            db, "image", id=index + 1, sha256=str(index), category=category,
            number=index // 2 + 1, width=16, height=16, pixel_sha256=pixels,
            phash=perceptual_hashes([grey_thumbnail(image)])[0],
            split=split, ingested_at=WHEN,
        )  # fmt: skip
        task = add(db, "task", id=row, image_id=row, server_id=index, pushed_at=WHEN)
        for slot in range(sentences):
            thing = WORDS[(index + slot) % len(WORDS)]
            add_annotation(
                db,
                [f"{slot + 1} {thing}s lie in the {category} number {index}."],
                [thing],
                task_id=task,
                server_id=10 * index + slot,
                annotator_id=slot + 1,
                created_at=WHEN,
                pulled_at=WHEN,
            )

"""Workspaces of images to be split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rsitmd_tools.workspace import Workspace
from tests import builders

Make = Callable[..., Path]


def add(folder: Path, count: int, first: int = 1, duplicates: bool = False) -> None:
    """Add images of two categories; with ``duplicates`` two pairs of the first are equal."""
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        for n in range(first, first + count):
            category = ("port", "farm")[n % 2]
            pixels = str(n - n % 2 if duplicates and n < 6 else n)
            values = {"category": category, "number": n, "sha256": str(n)}
            builders.add(db, "image", **values, pixel_sha256=pixels)


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(count: int, **options: bool) -> Path:
        Workspace.create(tmp_path / "w").close()
        add(tmp_path / "w", count, **options)
        return tmp_path / "w"

    return make

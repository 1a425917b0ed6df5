"""Queries of the table of images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import (
    NewImage,
    add_images,
    forget_rejected,
    has_images,
    record_rejected,
    set_duplicate_groups,
    set_splits,
    stored_images,
)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "w") as opened:
        yield opened


def image(number: int) -> NewImage:
    return NewImage(
        sha256=f"sha{number}",
        filename=f"port_{number}.tif",
        category="port",
        number=number,
        source=f"/source/{number}.png",
        width=300,
        height=200,
        pixel_sha256=f"pixels{number}",
        phash="0" * 128,
        ingested_at="2026-01-01T00:00:00+00:00",
    )


def test_added_images_are_stored_in_order(workspace: Workspace) -> None:
    assert not has_images(workspace)
    with workspace.transaction() as db:
        add_images(db, [image(2), image(1)])
    assert has_images(workspace)
    first, second = stored_images(workspace)
    assert (first.filename, first.number, first.sha256) == ("port_2.tif", 2, "sha2")
    assert (second.pixel_sha256, second.duplicate_group, second.split) == ("pixels1", None, None)


def test_groups_and_splits_are_set(workspace: Workspace) -> None:
    with workspace.transaction() as db:
        add_images(db, [image(1), image(2)])
        set_duplicate_groups(db, [(1, 1), (2, 1)])
        set_splits(db, [("port_2.tif", "test")])
    stored = stored_images(workspace)
    assert [each.duplicate_group for each in stored] == [1, 1]
    assert [each.split for each in stored] == [None, "test"]


def test_a_rejected_file_keeps_its_date_until_the_reason_changes(workspace: Workspace) -> None:
    def record(reason: str, when: str) -> list[tuple[str, str, str]]:
        with workspace.transaction() as db:
            record_rejected(db, [("/a.png", reason)], when)
        return [tuple(row) for row in workspace.db.execute("SELECT * FROM rejected")]

    assert record("is empty", "day 1") == [("/a.png", "is empty", "day 1")]
    assert record("is empty", "day 2") == [("/a.png", "is empty", "day 1")]
    assert record("is damaged", "day 3") == [("/a.png", "is damaged", "day 3")]
    with workspace.transaction() as db:
        forget_rejected(db, ["/a.png", "/b.png"])
    assert not workspace.db.execute("SELECT * FROM rejected").fetchall()

"""Workspaces with annotators, for tests of push and pull."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rsitmd_tools.workspace import Workspace
from tests.builders import WHEN, add


@contextmanager
def workspace_of(folder: Path, *emails: str) -> Iterator[Workspace]:
    """Create a workspace with annotators who have joined, two for each image."""
    Workspace.create(folder).close()
    settings = "[annotation]\nannotators_per_image = 2\n"
    (folder / "rsitmd.toml").write_text(settings, encoding="utf-8")
    with Workspace.open(folder, write=True) as made:
        with made.transaction() as db:
            for email in emails:
                add(db, "annotator", email=email, joined_at=WHEN)
        yield made

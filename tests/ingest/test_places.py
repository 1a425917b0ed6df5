"""Names of image files where the file system ignores case."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from rsitmd_tools.ingest.places import tidy
from rsitmd_tools.ingest.renaming import rename
from rsitmd_tools.studio.sync.renditions import remove_former_renditions, rendition_path
from rsitmd_tools.workspace import Workspace
from tests.builders import add


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with an image; its file also has its name in small letters, which is not listed.

    This is what programs see where case is ignored, as on most computers with macOS or Windows.
    """
    with Workspace.create(tmp_path / "w") as made, made.transaction() as db:
        add(db, "image", filename="Northern.tif")
    opened = Workspace.open(tmp_path / "w", write=True)
    Image.new("RGB", (64, 64), "navy").save(opened.images / "Northern.tif")
    (opened.images / "northern.tif").symlink_to("Northern.tif")
    entries = Path.iterdir
    monkeypatch.setattr(
        Path, "iterdir", lambda at: (entry for entry in entries(at) if not entry.is_symlink())
    )
    return opened


def listed(workspace: Workspace) -> list[str]:
    return [path.name for path in workspace.images.iterdir()]


def test_a_name_that_differs_in_case_keeps_the_file(workspace: Workspace) -> None:
    data = (workspace.images / "Northern.tif").read_bytes()
    rename(workspace, "Northern.tif", "northern.tif")
    assert listed(workspace) == ["northern.tif"]
    assert (workspace.images / "northern.tif").read_bytes() == data
    (workspace.images / "Northern.tif").symlink_to("northern.tif")
    tidy(workspace)  # looks for files with former names
    assert listed(workspace) == ["northern.tif"]


def test_the_rendition_of_an_image_that_was_renamed_so_stays(workspace: Workspace) -> None:
    rename(workspace, "Northern.tif", "northern.tif")
    shown = rendition_path(workspace, "northern.tif")
    shown.parent.mkdir(parents=True)
    shown.touch()
    rendition_path(workspace, "Northern.tif").symlink_to(shown)
    remove_former_renditions(workspace)
    assert rendition_path(workspace, "Northern.tif").exists()

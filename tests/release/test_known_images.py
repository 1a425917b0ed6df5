"""A release decodes no image that an import or an earlier release has measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.ingest import ingest
from rsitmd_tools.ingest.importing import import_dataset
from rsitmd_tools.release import images
from rsitmd_tools.workspace import Workspace
from tests.pictures import photo, plain, save_pictures
from tests.release.releases import contents, release

SPLITS = ("train", "train", "val", "test")
COUNT = 8


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the images that a release decodes."""
    names: list[str] = []
    real = images._check_pixels
    monkeypatch.setattr(images, "_check_pixels", lambda *a: names.append(a[2].name) or real(*a))
    return names


def make_workspace(folder: Path, *, ingested: bool = False) -> Path:
    """Return a workspace with imported texts, and images that were imported or ingested."""
    drawn = {f"port_{number}.png": photo(number) for number in range(1, COUNT)}
    drawn[f"port_{COUNT}.png"] = plain(90)
    source = save_pictures(folder / "port", drawn)
    records = tuple(
        ImageRecord(
            name,
            tuple(Sentence(f"{k} white boats lie in the port {number}.") for k in range(1, 6)),
            split=SPLITS[number % len(SPLITS)],
            category="port",
        )
        for number, name in enumerate(drawn)
    )
    with Workspace.create(
        folder / "workspace", text_licence="CC-BY-4.0", image_licence="CC0-1.0"
    ) as workspace:
        if ingested:
            assert ingest(workspace, [source]).added == COUNT
        report = import_dataset(workspace, Dataset("old", records, source, "rsitmd", source))
        assert report.files.added == (0 if ingested else COUNT)
    return folder / "workspace"


def test_the_first_release_decodes_nothing_and_has_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[str]
) -> None:
    workspace = make_workspace(tmp_path)
    release(workspace, tmp_path / "first")
    assert decoded == []
    monkeypatch.setenv("RSITMD_CACHE", str(tmp_path / "empty"))
    release(workspace, tmp_path / "second")
    assert len(decoded) == COUNT
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert "I1" in (tmp_path / "first" / "validation.json").read_text(), "no rule used a measure"


def test_ingested_images_are_decoded_by_the_first_release_only(
    tmp_path: Path, decoded: list[str]
) -> None:
    workspace = make_workspace(tmp_path, ingested=True)
    release(workspace, tmp_path / "first")
    assert len(decoded) == COUNT
    release(workspace, tmp_path / "second")
    assert len(decoded) == COUNT
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_a_file_that_changed_since_the_import_is_refused(
    tmp_path: Path, decoded: list[str]
) -> None:
    folder = make_workspace(tmp_path) / "images"
    (folder / "port_2.tif").write_bytes((folder / "port_1.tif").read_bytes())
    with pytest.raises(RsitmdError, match=r"port_2\.tif: has different pixels"):
        release(folder.parent, tmp_path / "out")
    assert decoded == ["port_2.tif"]


def test_another_file_with_the_same_pixels_is_accepted(tmp_path: Path, decoded: list[str]) -> None:
    folder = make_workspace(tmp_path) / "images"
    photo(2).save(folder / "port_2.tif", compression="tiff_deflate")
    release(folder.parent, tmp_path / "out")
    assert decoded == ["port_2.tif"]

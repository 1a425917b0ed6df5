"""Measures that an import keeps: those of the stored files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.imaging.known_pictures import KnownPicture, KnownPictures
from rsitmd_tools.imaging.measures import EXACT, Lines, lines_of, picture_of
from rsitmd_tools.ingest import imported_files, measured
from rsitmd_tools.ingest.importing import import_dataset
from rsitmd_tools.ingest.normalise import Target, normalise
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.settings import Thresholds
from tests.pictures import photo, plain, save_noise, save_pictures

LINES = lines_of(Thresholds())
IMAGES = {
    "black.png": Image.new("RGB", (256, 256)),
    "white.png": Image.new("RGB", (300, 256), "white"),
    "uniform.png": Image.new("RGB", (64, 64), (10, 120, 30)),
    "grey.png": photo(1).convert("L"),
    "slope.png": plain(90, noise=1.0, slope=40),
    "photo.png": photo(2),
    "large.jpg": photo(3, side=700),
    "turned.tif": photo(4).rotate(30),
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RSITMD_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def decoded(file: Path, lines: Lines) -> tuple[str, KnownPicture]:
    """Return what a release finds in a file, and its SHA-256."""
    data = file.read_bytes()
    with Image.open(file) as image:
        pixels = hashlib.sha256(image.convert("RGB").tobytes()).hexdigest()
        picture = picture_of(Path(), image, image.mode, lines)
    return hashlib.sha256(data).hexdigest(), KnownPicture(pixels, picture)


def check(workspace: Path, count: int) -> None:
    """Check that all images are known, with the measures of their files."""
    files = sorted((workspace / "images").iterdir())
    assert len(files) == count
    known = KnownPictures(workspace / "images", LINES).by_digest
    assert known == dict(decoded(file, LINES) for file in files)


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("lines", [EXACT, LINES])
def test_measures_are_those_of_the_encoded_file(tmp_path: Path, name: str, lines: Lines) -> None:
    source = save_pictures(tmp_path, {name: IMAGES[name]}) / name
    target = tmp_path / "target"
    target.mkdir()
    done = normalise(str(source), 256, frozenset(), Target(target), lines=lines)
    assert done.measured is not None
    assert tuple(done.measured) == decoded(target / done.tiff, lines)
    assert done.measured.known.pixel_sha256 == done.pixel_sha256


def imported(folder: Path, names: Sequence[str]) -> Dataset:
    """Return a dataset of the images of a folder."""
    records = [ImageRecord(name, (Sentence("A port."),), split="train") for name in names]
    return Dataset("old", tuple(records), folder.parent, "rsitmd", folder)


def test_all_images_of_an_import_are_known_also_restored_ones(tmp_path: Path, cache: Path) -> None:
    folder = save_pictures(tmp_path / "old", IMAGES)
    (folder / "bad.png").write_bytes(b"x")
    dataset = imported(folder, [*IMAGES, "bad.png"])
    for _ in range(2):
        with Workspace.create(tmp_path / "w") as workspace:
            import_dataset(workspace, dataset)
        check(tmp_path / "w", len(IMAGES))
        for file in (*cache.rglob("*.npz"), *(tmp_path / "w" / "images").iterdir()):
            file.unlink()


def test_measures_come_from_workers_in_several_packs(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "MANY", 16)
    for seed in range(40):
        save_noise(tmp_path / "old" / f"{seed}.png", seed)
    dataset = imported(tmp_path / "old", [f"{seed}.png" for seed in range(40)])
    with Workspace.create(tmp_path / "w") as workspace:
        import_dataset(workspace, dataset, workers=2)
    assert len(list(cache.rglob("*.npz"))) == 3
    check(tmp_path / "w", 40)


def test_what_was_added_before_an_error_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_pictures(tmp_path / "old", IMAGES)
    real, calls = imported_files.add_images, []

    def fail_at_the_third(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 3:
            raise RsitmdError("the disk is full")
        real(*arguments)

    monkeypatch.setattr(imported_files, "BATCH", 1)
    monkeypatch.setattr(imported_files, "add_images", fail_at_the_third)
    with Workspace.create(tmp_path / "w") as workspace, pytest.raises(RsitmdError, match="full"):
        import_dataset(workspace, imported(folder, list(IMAGES)))
    files = dict(decoded(file, LINES) for file in (tmp_path / "w" / "images").iterdir())
    assert len(files) == 3
    assert KnownPictures(tmp_path / "w" / "images", LINES).by_digest == files


def test_measures_depend_on_the_thresholds_of_the_workspace(tmp_path: Path) -> None:
    folder = save_pictures(tmp_path / "old", {"port_1.png": photo(1)})
    Workspace.create(tmp_path / "w").close()
    settings = tmp_path / "w" / "rsitmd.toml"
    text = settings.read_text()
    settings.write_text(text.replace("\nsharpness = 2.0", "\nsharpness = 1000.0"))
    assert settings.read_text() != text
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        import_dataset(workspace, imported(folder, ["port_1.png"]))
    images = tmp_path / "w" / "images"
    assert KnownPictures(images, LINES).by_digest == {}
    lines = LINES._replace(sharpness=1000.0)
    assert KnownPictures(images, lines).by_digest == dict([decoded(images / "port_1.tif", lines)])


def test_a_cache_that_cannot_be_written_does_not_stop_an_import(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measured, "MANY", 1)
    cache.write_text("a file")
    folder = save_pictures(tmp_path / "old", {"a.png": photo(1), "b.png": photo(2)})
    with Workspace.create(tmp_path / "w") as workspace:
        assert import_dataset(workspace, imported(folder, ["a.png", "b.png"])).files.added == 2
    assert cache.read_text() == "a file"

"""``build split --keep``: the test images of a release are found by content, not by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.formats.image_list import read_image_list
from rsitmd_tools.ingest import corrections, ingest, renaming
from rsitmd_tools.ingest.image_size import set_image_size
from rsitmd_tools.ingest.plan import TileOptions
from rsitmd_tools.ingest.tiles import ingest_tiles
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import stored_images
from rsitmd_tools.workspace.scenes import Window, image_places
from tests.builders import add, add_annotation, add_team
from tests.ingest.scenes import CORNER, write_scene
from tests.release.releases import release
from tests.splitting.conftest import add as add_rows

COUNT = 12
SHARES = ("--shares", "0.5,0.2,0.3")


def write_images(
    folder: Path, names: Iterable[str], seed: int, size: tuple[int, int] = (32, 32)
) -> Path:
    random = np.random.default_rng(seed)
    for name in names:
        file = folder / "port" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (*size[::-1], 3), np.uint8)).save(file)
    return folder


def make_workspace(folder: Path) -> Workspace:
    workspace = Workspace.create(folder, "ports", text_licence="CC-BY-4.0", image_licence="CC0-1.0")
    set_image_size(workspace, 32)
    return workspace


def ingested(folder: Path, *sources: Path) -> Path:
    with make_workspace(folder) as workspace:
        ingest(workspace, sources, workers=1)
    return folder


def caption(folder: Path) -> None:
    """Write the sentences that a release requires."""
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        add_team(db, *(f"person{slot}@example.org" for slot in range(5)))
        for image in stored_images(workspace):
            task = add(db, "task", id=image.id, image_id=image.id, server_id=image.id)
            for slot in range(5):
                add_annotation(
                    db,
                    [f"Ship {slot} lies in the port {image.number}."],
                    task_id=task,
                    server_id=10 * image.id + slot,
                    annotator_id=slot + 1,
                )


def copy_picture(file: Path, folder: Path) -> None:
    """Write another file with the pixels of an image."""
    copy = folder / "port" / "z.png"
    copy.parent.mkdir(parents=True)
    Image.open(file).save(copy, compress_level=1)


def run(folder: Path, *arguments: object) -> Result:
    words = ["build", "split", str(folder), *SHARES, *map(str, arguments)]
    return CliRunner().invoke(root.cli, words, standalone_mode=False)


def in_test(path: Path) -> set[str]:
    return {image.filename for image in load_dataset(path) if image.split == "test"}


def keys(folder: Path, names: set[str]) -> set[str]:
    """Return the checksums of the sources of images."""
    with Workspace.open(folder) as workspace:
        return {image.sha256 for image in stored_images(workspace) if image.filename in names}


def report_of(done: Result) -> dict[str, object]:
    assert done.exception is None, done.exception
    found: dict[str, object] = json.loads(done.stdout)["kept_tests"]
    assert len(str(found.pop("data_sha256"))) == 64
    return found


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("sources"), map("b{:02}".format, range(COUNT)), 1)


@pytest.fixture(scope="module")
def old(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a release of the images; its workspace lies beside it."""
    folder = tmp_path_factory.mktemp("old")
    ingested(folder / "w", sources)
    assert run(folder / "w").exception is None
    caption(folder / "w")
    release(folder / "w", folder / "ports-1.0.0")
    return folder / "ports-1.0.0"


@pytest.fixture
def shifted(sources: Path, tmp_path: Path) -> Path:
    """Return a new workspace with one more source, so that every image has another name."""
    more = write_images(tmp_path / "more", ["a"], 2)
    both = tmp_path / "both"
    shutil.copytree(sources, both)
    shutil.copytree(more, both, dirs_exist_ok=True)
    return ingested(tmp_path / "w", both)


def test_test_images_are_found_although_their_names_shift(old: Path, shifted: Path) -> None:
    wanted = keys(old.parent / "w", in_test(old))
    assert keys(shifted, in_test(old)) != wanted  # the names are those of other images
    for seed in range(3):
        done = run(shifted, "--reassign", "--seed", seed, "--keep", old, "--json")
        assert report_of(done) == {"images": len(wanted), "missing": 0, "by_name": False}
        assert wanted <= keys(shifted, in_test(shifted))
        assert "not found" not in done.stderr and "images.csv" not in done.stderr


def test_an_image_that_only_has_the_name_is_not_taken(old: Path, shifted: Path) -> None:
    wanted = keys(old.parent / "w", in_test(old))
    others = keys(shifted, in_test(old)) - wanted
    assert others
    done = run(shifted, "--shares", "1,0,0", "--keep", old)
    assert done.exception is None, done.exception
    assert keys(shifted, in_test(shifted)) == wanted


def test_the_file_of_a_release_is_read_as_its_folder(old: Path, shifted: Path) -> None:
    done = run(shifted, "--keep", old / "dataset_RSITMD.json", "--json")
    assert report_of(done)["by_name"] is False


def test_a_renamed_image_is_found(old: Path, shifted: Path) -> None:
    wanted = keys(old.parent / "w", in_test(old))
    with Workspace.open(shifted, write=True) as workspace:
        for image in stored_images(workspace):
            if image.sha256 in wanted:
                renaming.rename(workspace, image.filename, f"port_{90 + image.number}.tif")
    run(shifted, "--shares", "1,0,0", "--keep", old)
    assert keys(shifted, in_test(shifted)) == wanted


def test_test_images_that_the_workspace_lacks_are_counted(
    old: Path, sources: Path, tmp_path: Path
) -> None:
    source_of = {image.filename: image.source for image in read_image_list(old / "images.csv")}
    count, lost = len(in_test(old)), source_of[min(in_test(old))]
    part = tmp_path / "part"
    shutil.copytree(sources, part, ignore=shutil.ignore_patterns(lost))
    folder = ingested(tmp_path / "w", part)
    done = run(folder, "--keep", old)
    assert done.exception is None, done.exception
    assert done.return_value == 0
    assert (
        f"note: 1 of {count} test images of {old} not found in the workspace; ingest the sources"
        " and use --keep again to put them into test\n" in done.stderr
    )
    found = report_of(run(folder, "--keep", old, "--json"))
    assert found == {"images": count, "missing": 1, "by_name": False}
    with Workspace.open(folder, write=True) as workspace:
        ingest(workspace, [sources], workers=1)
    assert report_of(run(folder, "--keep", old, "--json"))["missing"] == 0
    assert keys(old.parent / "w", in_test(old)) <= keys(folder, in_test(folder))


def test_a_removed_image_is_not_missing_and_its_copy_is_in_test(
    old: Path, sources: Path, shifted: Path, tmp_path: Path
) -> None:
    wanted = keys(old.parent / "w", in_test(old))
    lost = next(i for i in read_image_list(old / "images.csv") if i.source_sha256 in wanted)
    copy_picture(sources / "port" / lost.source, tmp_path / "copies")
    with Workspace.open(shifted, write=True) as workspace:
        ingest(workspace, [tmp_path / "copies"], workers=1)
        stored = stored_images(workspace)
        (removed,) = (image for image in stored if image.sha256 == lost.source_sha256)
        corrections.remove(workspace, [removed.filename], "a request")
    assert stored[-1].pixel_sha256 == removed.pixel_sha256
    done = run(shifted, "--shares", "1,0,0", "--keep", old, "--json")
    assert report_of(done)["missing"] == 0
    assert keys(shifted, in_test(shifted)) == wanted - {removed.sha256} | {stored[-1].sha256}


@pytest.mark.parametrize("reassign", [(), ("--reassign",)])
def test_a_restored_test_image_and_a_new_copy_are_in_test(
    old: Path, sources: Path, shifted: Path, tmp_path: Path, reassign: tuple[str, ...]
) -> None:
    wanted = keys(old.parent / "w", in_test(old))
    with Workspace.open(shifted, write=True) as workspace:
        removed = [image for image in stored_images(workspace) if image.sha256 in wanted]
        corrections.remove(workspace, [image.filename for image in removed], "a request")
    assert run(shifted, *reassign, "--shares", "1,0,0", "--keep", old).exception is None
    source_of = {image.source_sha256: image.source for image in read_image_list(old / "images.csv")}
    copy_picture(sources / "port" / source_of[removed[0].sha256], tmp_path / "copies")
    with Workspace.open(shifted, write=True) as workspace:
        ingest(workspace, [tmp_path / "copies"], workers=1)
        (copy,) = stored_images(workspace)[-1:]
        corrections.restore(workspace, [image.filename for image in removed[1:]])
    assert run(shifted, "--shares", "1,0,0").exception is None
    assert keys(shifted, in_test(shifted)) == wanted - {removed[0].sha256} | {copy.sha256}


def test_the_released_files_are_found_too(old: Path, tmp_path: Path) -> None:
    names = {file.name for file in (old / "images").iterdir()}
    for name in names:
        (tmp_path / "files" / "port").mkdir(parents=True, exist_ok=True)
        shutil.copy(old / "images" / name, tmp_path / "files" / "port" / f"x_{name}")
    folder = ingested(tmp_path / "w", tmp_path / "files")
    assert report_of(run(folder, "--keep", old, "--json"))["missing"] == 0


def test_a_foreign_release_is_refused(old: Path, tmp_path: Path) -> None:
    foreign = write_images(tmp_path / "foreign", map("b{:02}".format, range(COUNT)), 3)
    folder = ingested(tmp_path / "w", foreign)
    names = {image.filename for image in load_dataset(folder)}
    assert in_test(old) <= names  # only the names are the same
    error = run(folder, "--keep", old).exception
    assert isinstance(error, RsitmdError)
    assert str(error) == (
        f"{old}: none of its test images ({len(in_test(old))}) is in the workspace; use --keep with"
        " a release of these images, or ingest its sources first"
    )
    assert in_test(folder) == set()


def test_a_release_without_an_image_list_is_found_by_name(old: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare\x1b[31m"
    bare.mkdir()
    shutil.copy(old / "dataset_RSITMD.json", bare)
    folder = old.parent / "w"
    done = run(folder, "--keep", bare)
    assert done.exception is None, done.exception
    assert (
        f"note: {tmp_path}/bare\\x1b[31m has no images.csv, so its test images were found by file"
        " name, which can be that of another image; use --keep with the folder of a release\n"
        in done.stderr
    )
    found = report_of(run(folder, "--keep", bare, "--json"))
    assert found == {"images": len(in_test(old)), "missing": 0, "by_name": True}


def test_names_that_the_workspace_lacks_are_counted_and_former_names_are_found(
    tmp_path: Path,
) -> None:
    Workspace.create(tmp_path / "w").close()
    add_rows(tmp_path / "w", 20)
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        file = workspace.images / "port_2.tif"
        file.write_bytes(b"x")
        renaming.rename(workspace, "port_2.tif", "port_90.tif")
    file = tmp_path / "old.json"
    names = ("port_2.tif", "farm_3.tif", "gone_1.tif")
    images = [{"filename": name, "split": "test", "sentences": []} for name in names]
    file.write_text(json.dumps({"dataset": "w", "images": images}), encoding="utf-8")
    done = run(tmp_path / "w", "--shares", "1,0,0", "--keep", file, "--json")
    assert report_of(done) == {"images": 3, "missing": 1, "by_name": True}
    assert in_test(tmp_path / "w") == {"port_90.tif", "farm_3.tif"}
    images = images[2:]
    file.write_text(json.dumps({"dataset": "w", "images": images}), encoding="utf-8")
    error = run(tmp_path / "w", "--keep", file).exception
    assert "none of its test images (1) is in the workspace" in str(error)


def test_a_table_of_another_layout_is_not_read_as_an_image_list(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    add_rows(tmp_path / "w", 20)
    table = tmp_path / "images.csv"
    table.write_text("filename,split,caption\nport_2.tif,test,A port.\n", encoding="utf-8")
    done = run(tmp_path / "w", "--keep", table, "--json")
    assert report_of(done) == {"images": 1, "missing": 0, "by_name": True}


def test_a_damaged_image_list_is_an_error(old: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.mkdir()
    shutil.copy(old / "dataset_RSITMD.json", bad)
    (bad / "images.csv").write_text("filename\n", encoding="utf-8")
    error = run(old.parent / "w", "--keep", bad).exception
    assert isinstance(error, RsitmdError) and "images.csv: line 1: is malformed" in str(error)


def tiles_of(folder: Path, *scenes: Path, side: int = 32) -> Path:
    with make_workspace(folder) as workspace:
        ingest_tiles(workspace, scenes, TileOptions(side), "port", workers=1)
    return folder


def windows(folder: Path, names: set[str]) -> set[tuple[str, Window]]:
    """Return the file names of the scenes, and the windows, of images."""
    with Workspace.open(folder) as workspace:
        found = [place for place in image_places(workspace) if place.filename in names]
    return {(Path(place.source).name, place.window) for place in found if place.window}


def write_scenes(folder: Path) -> list[Path]:
    """Write two scenes that lie apart."""
    random = np.random.default_rng(5)
    folder.mkdir()
    return [
        write_scene(
            folder / f"{name}.tif",
            random.integers(0, 256, (3, 96, 96), np.uint8),
            transform=CORNER @ CORNER.translation(1000 * number, 0),
        )
        for number, name in enumerate("ab")
    ]


def released(folder: Path, out: Path, *options: str) -> Path:
    assert run(folder, *options).exception is None
    caption(folder)
    release(folder, out)
    return out


def common_pixels(one: Window, other: Window) -> bool:
    return all(
        one[axis] < other[axis] + other[axis + 2] and other[axis] < one[axis] + one[axis + 2]
        for axis in (0, 1)
    )


def test_tiles_are_found_by_scene_and_window(tmp_path: Path) -> None:
    scenes = write_scenes(tmp_path / "port")
    old = released(tiles_of(tmp_path / "first", scenes[1]), tmp_path / "tiles-1.0.0")
    wanted = windows(tmp_path / "first", in_test(old))
    second = tiles_of(tmp_path / "second", *scenes)
    assert windows(second, in_test(old)) != wanted
    done = run(second, "--shares", "1,0,0", "--keep", old, "--json")
    assert report_of(done) == {"images": len(wanted), "missing": 0, "by_name": False}
    assert windows(second, in_test(second)) == wanted


def test_other_tiles_of_the_pixels_of_test_images_are_in_test(tmp_path: Path) -> None:
    scenes = write_scenes(tmp_path / "port")
    old = released(tiles_of(tmp_path / "first", scenes[1]), tmp_path / "tiles-1.0.0")
    tested = windows(tmp_path / "first", in_test(old))
    second = tiles_of(tmp_path / "second", *scenes, side=24)
    done = run(second, "--shares", "1,0,0", "--keep", old, "--json")
    assert report_of(done) == {"images": len(tested), "missing": 0, "by_name": False}
    every = windows(second, {image.filename for image in load_dataset(second)})
    found = windows(second, in_test(second))
    assert len(every) == 32 and found == {
        (scene, window)
        for scene, window in every
        if any(scene == name and common_pixels(window, other) for name, other in tested)
    }
    edited = (old / "images.csv").read_text(encoding="utf-8").replace(" 32 32\n", " 32 x\n")
    (old / "images.csv").write_text(edited, encoding="utf-8")
    error = run(second, "--keep", old).exception
    assert isinstance(error, RsitmdError) and "the window is malformed" in str(error)


def test_tiles_of_the_central_square_of_a_test_image_are_in_test(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "sources", "abc", 7, size=(96, 32))
    old = released(ingested(tmp_path / "first", folder), tmp_path / "v1", "--shares", "0.6,0,0.4")
    (name,) = (
        image.source
        for image in read_image_list(old / "images.csv")
        if image.filename in in_test(old)
    )
    second = tiles_of(tmp_path / "second", *sorted(folder.glob("*/*.png")), side=24)
    assert run(second, "--shares", "1,0,0", "--keep", old).exception is None
    wanted = {(name, (column, row, 24, 24)) for column in (24, 48) for row in (0, 8)}
    assert windows(second, in_test(second)) == wanted

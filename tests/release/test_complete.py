"""Releases without images, and ``build complete``."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, rmtree

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rsitmd_tools.cli.building.complete import command
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats.image_list import image_list, read_image_list
from rsitmd_tools.hashing import sha256_file
from rsitmd_tools.ingest import ingest
from rsitmd_tools.ingest.importing import import_dataset
from rsitmd_tools.release import ReleaseOptions, make_release, verify_release
from rsitmd_tools.release.complete import complete_release
from rsitmd_tools.release.images import Source, list_images
from rsitmd_tools.workspace import Workspace
from tests.builders import add, add_annotation, add_team
from tests.pictures import save_noise
from tests.release.conftest import WHEN

MakeWorkspace = Callable[..., Path]


@pytest.fixture
def texts(make_workspace: MakeWorkspace, tmp_path: Path) -> Path:
    """A release without images of the workspace in ``tmp_path / "workspace"``."""
    with Workspace.open(make_workspace()) as workspace:
        make_release(workspace, "1.0.0", tmp_path / "texts", ReleaseOptions(images=False))
    return tmp_path / "texts"


def test_a_release_without_images_is_intact_and_names_them(texts: Path) -> None:
    assert not (texts / "images").exists()
    found = verify_release(texts)
    assert (found.differences, found.without_images) == ((), True)
    lines = (texts / "images.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "filename,sha256,source,source_sha256"
    assert len(lines) == 9


def test_images_under_other_names_complete_it(texts: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos" / "deep"
    photos.mkdir(parents=True)
    originals = sorted((tmp_path / "workspace" / "images").glob("*.tif"))
    for number, file in enumerate(originals):
        (photos / f"{number}.bin").write_bytes(file.read_bytes())
    result = CliRunner().invoke(command, [str(texts), str(tmp_path / "photos")])
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{texts}: 8 images added\n"
    for file in originals:
        assert (texts / "images" / file.name).read_bytes() == file.read_bytes()
    assert verify_release(texts).differences == ()

    (texts / "images" / originals[0].name).write_bytes(b"other")
    (texts / "images" / originals[1].name).unlink()
    (texts / "images" / "more.tif").write_bytes(b"")
    found = {d.file: d.problem for d in verify_release(texts).differences}
    assert found == {
        f"images/{originals[0].name}": "has a wrong checksum",
        f"images/{originals[1].name}": "does not exist",
        "images/more.tif": "is not in SHA256SUMS",
    }


def test_missing_images_are_named_and_nothing_is_written(texts: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "other.tif").write_bytes(b"other")
    with pytest.raises(RsitmdError, match=r"8 images of 8 not found: .* and 3 more"):
        complete_release(texts, tmp_path / "photos")
    assert not (texts / "images").exists()
    assert not list(texts.glob(".*"))


def test_a_release_with_images_is_not_completed(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    with Workspace.open(make_workspace()) as workspace:
        make_release(workspace, "1.0.0", tmp_path / "out")
    with pytest.raises(
        RsitmdError, match=r"out: already has the folder images; .* remove that folder first"
    ):
        complete_release(tmp_path / "out", tmp_path)
    rmtree(tmp_path / "out" / "images")
    assert complete_release(tmp_path / "out", tmp_path / "workspace") == 8


def test_a_missing_image_is_listed_with_its_source_and_the_reason(
    texts: Path, tmp_path: Path
) -> None:
    copytree(tmp_path / "workspace" / "images", tmp_path / "photos")
    listed = (texts / "images.csv").read_text(encoding="utf-8").split("\n")
    named = [line.replace(",source,", f",photo {n}.png,") for n, line in enumerate(listed[1:])]
    (texts / "images.csv").write_text("\n".join([listed[0], *named]), encoding="utf-8")
    first, second, third, *_ = read_image_list(texts / "images.csv")
    (tmp_path / "photos" / first.filename).unlink()
    (tmp_path / "photos" / second.filename).unlink()
    (tmp_path / "photos" / second.source).write_bytes(b"other")
    (tmp_path / "photos" / third.filename).write_bytes(b"other")
    with pytest.raises(RsitmdError) as found:
        complete_release(texts, tmp_path / "photos")
    assert found.value.what == (
        f"3 images of 8 not found: {first.filename} (source {first.source}),"
        f" {second.filename} (source {second.source}; a file of this name has another checksum),"
        f" {third.filename} (source {third.source}; {third.filename} has another checksum)"
    )


@pytest.mark.parametrize(
    "line", ["../x.tif,0,x.tif,0", "a\\b.tif,0,x,0", "..,0,x,0", "too,few", ",0,x,0"]
)
def test_a_list_that_leaves_the_folder_is_refused(texts: Path, line: str) -> None:
    file = texts / "images.csv"
    file.write_text(file.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(RsitmdError, match="line 10: is malformed"):
        complete_release(texts, texts)


def test_the_sources_give_the_released_images(tmp_path: Path) -> None:
    photos = tmp_path / "photos" / "harbour"
    photos.mkdir(parents=True)
    for number in range(2):
        values = np.random.default_rng(number).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(values).save(photos / f"{number}.png")
    with Workspace.create(tmp_path / "workspace", "ports", text_licence="CC0-1.0") as workspace:
        ingest(workspace, [tmp_path / "photos"])
        with workspace.transaction() as db:
            add_team(db, *(f"person{slot}@example.org" for slot in range(5)))
            db.execute("UPDATE image SET split = CASE id WHEN 1 THEN 'train' ELSE 'test' END")
            for row in (1, 2):
                task = add(db, "task", image_id=row, server_id=row, pushed_at=WHEN)
                for slot in range(5):
                    add_annotation(
                        db, [f"Ship {slot} of harbour {row}."], ["red ship"], task_id=task,
                        server_id=10 * row + slot, annotator_id=slot + 1, created_at=WHEN,
                        pulled_at=WHEN,
                    )  # fmt: skip
        make_release(workspace, "1.0.0", tmp_path / "texts", ReleaseOptions(images=False))
        assert complete_release(tmp_path / "texts", tmp_path / "photos") == 2
        for file in workspace.images.glob("*.tif"):
            copy = tmp_path / "texts" / "images" / file.name
            assert copy.read_bytes() == file.read_bytes()


SOURCES = st.one_of(
    st.sampled_from(
        ["=1+1.tif", "'=1.tif", "''@a.tif", "-a.tif", "'a.tif", "a\u2028b.tif", "a\nb"]
    ),
    st.text("'=+-@a\t\r\n,\"é\u2028", min_size=1),
)


@given(st.lists(SOURCES, min_size=1, max_size=5))
def test_sources_come_back_and_no_cell_is_a_formula(
    tmp_path_factory: pytest.TempPathFactory, sources: list[str]
) -> None:
    images = [ImageRecord(f"port_{number}.tif") for number in range(len(sources))]
    sums = {f"images/{image.filename}": "a" * 64 for image in images}
    named = {
        image.filename: Source(name, "b" * 64, "0 0 8 8" * (len(name) % 2), name)
        for image, name in zip(images, sources, strict=True)
    }
    dataset = Dataset("ports", tuple(images), Path("x"), "rsitmd")
    text = image_list(list_images(dataset, sums, named))
    file = tmp_path_factory.mktemp("list") / "images.csv"
    file.write_bytes(text.encode())
    found = read_image_list(file)
    assert [image.source for image in found] == sources
    assert [image.window for image in found] == [entry.window for entry in named.values()]
    several = len(set(sources)) > 1
    assert [image.licence for image in found] == (sources if several else [""] * len(sources))
    for row in csv.reader(io.StringIO(text, newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


def test_two_records_of_one_file_have_its_checksum(tmp_path: Path) -> None:
    """In a workspace their keys differ, so that they are two images."""
    for number in range(4):
        save_noise(tmp_path / "old" / "images" / f"port_{number}.png", max(number, 1), 256)
    sentences = tuple(Sentence(f"Ship {n} lies at the pier.") for n in range(5))
    images = tuple(
        ImageRecord(f"port_{n}.png", sentences, ("ship",), split)
        for n, split in enumerate(("train", "test", "val", "train"))
    )
    files = tmp_path / "old" / "images"
    data = Dataset("Old", images, tmp_path / "old", "rsitmd", files)
    with Workspace.create(tmp_path / "w") as workspace:
        import_dataset(workspace, data, workers=1)
        options = ReleaseOptions(images=False, unlicensed=True, allowed=("D", "L", "S"))
        make_release(workspace, "1.0.0", tmp_path / "texts", options)
    listed = read_image_list(tmp_path / "texts" / "images.csv")
    found = {image.filename: image.source_sha256 for image in listed}
    assert found["port_1.tif"] == sha256_file(files / "port_1.png") == found["port_0.tif"]
    assert complete_release(tmp_path / "texts", files) == 4

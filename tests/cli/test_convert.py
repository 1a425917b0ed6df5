"""`build convert`: every format to every other, in a new folder."""

from __future__ import annotations

import errno
import json
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import FORMATS, load_dataset, save_dataset
from rsitmd_tools.workspace import Workspace
from tests.formats.workspaces import ADDRESSES, AUTHORS, captioned_workspace

WRITABLE = [name for name, layout in FORMATS.items() if layout.write is not None]


def run(*arguments: object) -> int:
    return root._run([str(argument) for argument in arguments], False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    images = tuple(
        ImageRecord(
            f"port_{number}.tif",
            tuple(Sentence(f"Sentence {k}, of image {number}.") for k in range(5)),
            split=("train", "val", "test")[number % 3],
            category="port",
        )
        for number in range(6)
    )
    save_dataset(Dataset("small", images, tmp_path, "rsitmd"), tmp_path / "source", "rsitmd")
    return tmp_path / "source"


@pytest.mark.parametrize(("first", "second"), [*pairwise(WRITABLE), (WRITABLE[-1], WRITABLE[0])])
def test_texts_survive_two_conversions(
    source: Path, tmp_path: Path, first: str, second: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each format is written and read once; ``tests/formats/test_holds.py`` has every pair."""
    assert run("build", "convert", source, tmp_path / "a", "--to", first) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'a'}: 6 images, 30 sentences (")
    assert run("build", "convert", tmp_path / "a", tmp_path / "b", "--to", second, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["from"], document["to"], document["images"]) == (first, second, 6)
    found = load_dataset(tmp_path / "b")
    assert found.format == second
    expected = {(i.filename, i.captions, i.split, i.category) for i in load_dataset(source)}
    assert {(i.filename, i.captions, i.split, i.category) for i in found} == expected


def test_an_existing_folder_is_not_overwritten(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there").mkdir()
    assert run("build", "convert", source, tmp_path / "there", "--to", "csv") == 1
    assert "there: already exists" in capsys.readouterr().err
    assert run("build", "convert", source, tmp_path / "new", "--to", "workspace") == 2
    assert "--to workspace: the format is read-only" in capsys.readouterr().err
    assert run("build", "convert", source, tmp_path / "new", "--to", "docx") == 2
    assert not (tmp_path / "new").exists()


def test_mistakes_are_named(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    convert = ("build", "convert", source)
    assert run(*convert, tmp_path / "out.csv", "--to", "csv") == 2
    assert "out.csv: DST is a new folder, which has the files" in capsys.readouterr().err
    assert run(*convert, tmp_path / "new", "--to", "csv", "--images", "jpg") == 2
    assert "or one of none, link, copy, jpeg:90" in capsys.readouterr().err
    (tmp_path / "there" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "there" / "deep")
    for target in (".", ".."):
        assert run(*convert, target, "--to", "csv", "--force") == 1
        assert f"{target}: is or contains the current folder" in capsys.readouterr().err
    assert run("build", "convert", "--help") == 0
    assert "--to [rsitmd|precomp|" in " ".join(capsys.readouterr().out.split())


def test_force_replaces_a_folder_when_the_new_one_is_complete(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target = tmp_path / "there"
    words = ("build", "convert", source, target, "--to", "csv")
    target.mkdir()
    assert run(*words, "--force") == 0
    (target / "old.txt").write_text("old")
    assert run(*words) == 1
    assert "there: already exists; use another folder, or replace" in capsys.readouterr().err

    def fails(*_: object, **__: object) -> None:
        assert (target / "old.txt").read_text() == "old"
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rsitmd_tools.formats.save_dataset", fails)
    assert run(*words, "--force") == 1
    assert "no space left" in capsys.readouterr().err
    assert sorted(path.name for path in target.iterdir()) == ["captions.csv", "old.txt"]
    monkeypatch.undo()
    assert run(*words, "--force") == 0
    assert [path.name for path in target.iterdir()] == ["captions.csv"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_force_never_replaces_what_is_read(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pictures").mkdir()
    for target, more in (
        (source, ()),
        (tmp_path, ()),
        (tmp_path / "pictures", ("--images", tmp_path / "pictures")),
    ):
        assert run("build", "convert", source, target, "--to", "csv", "--force", *more) == 1
        assert "which the new folder is made from" in capsys.readouterr().err
    assert load_dataset(source).images and (tmp_path / "pictures").is_dir()


def test_force_replaces_a_dataset_alone(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, ours, mixed = (tmp_path / name for name in ("photos", "workspace", "mixed"))
    for folder in (photos, mixed):
        folder.mkdir()
        Image.new("RGB", (8, 8)).save(folder / "port.jpg")
    Workspace.create(ours).close()
    shutil.copy(source / "dataset_RSITMD.json", ours)
    shutil.copy(source / "dataset_RSITMD.json", mixed)
    (mixed / "images").mkdir()
    (mixed / "images" / "thesis.pdf").write_bytes(b"years of work")
    for target, why in (
        (photos, "has no dataset"),
        (ours, "is a workspace"),
        (mixed, "has images/thesis.pdf, which is not part of a dataset"),
    ):
        before = sorted(target.rglob("*"))
        assert run("build", "convert", source, target, "--to", "csv", "--force") == 1
        assert f"{target}: {why}, so it is not replaced" in capsys.readouterr().err
        assert sorted(target.rglob("*")) == before
    (mixed / "images" / "thesis.pdf").unlink()
    assert run("build", "convert", source, mixed, "--to", "csv", "--force") == 0
    assert [path.name for path in mixed.iterdir()] == ["captions.csv"]


def test_force_never_replaces_a_folder_of_what_is_read(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = source / "images"
    folder.mkdir()
    for image in load_dataset(source):
        Image.new("RGB", (8, 8)).save(folder / image.filename)
    alone = Path(shutil.copy(source / "dataset_RSITMD.json", tmp_path / "alone.json"))
    for given in ((source,), (source, "--images", folder), (alone, "--images", folder)):
        assert run("build", "convert", given[0], folder, *given[1:], "--to", "csv", "--force") == 1
        assert "which the new folder is made from" in capsys.readouterr().err
    assert len(list(folder.iterdir())) == 6
    # A new folder can be in the source.
    assert run("build", "convert", source, source / "csv", "--to", "csv", "--force") == 0


@pytest.mark.parametrize(
    "layout",
    ["karpathy", "albef", "open-clip-csv", "coco", "csv", "jsonl", "imagefolder", "webdataset"],
)
def test_every_command_that_takes_a_dataset_reads_the_format(
    source: Path, tmp_path: Path, layout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    assert run("build", "convert", source, data, "--to", layout) == 0
    noted = "no images are written" in capsys.readouterr().err
    assert noted == (
        layout in ("imagefolder", "webdataset") and not load_dataset(source).has_images
    )
    assert run("validate", data, "--statistics", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["images"] == 6
    assert run("validate", data, "--select", "S101") == 0
    assert run("build", "similarity", data, "-o", tmp_path / "test.npy", "--split", "test") == 0
    assert (tmp_path / "test.npy").is_file()
    assert run("build", "init", tmp_path / "w") == 0
    assert run("build", "import", tmp_path / "w", data) == 0
    assert sorted(i.captions for i in load_dataset(tmp_path / "w")) == sorted(
        i.captions for i in load_dataset(source)
    )


def test_what_is_lost_is_printed_before_it_is_lost(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("build", "convert", source, tmp_path / "a", "--to", "coco") == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"{tmp_path / 'a'}: coco cannot store the tokens of 30 sentences",
        f"{tmp_path / 'a'}: coco cannot store the order of images of different splits",
    ]
    # It is printed before the error, too: nothing was written.
    assert run("build", "convert", source, tmp_path / "a", "--to", "coco", "--json") == 1
    assert capsys.readouterr().err.splitlines()[:2] == lines
    assert run("build", "convert", source, tmp_path / "b", "--to", "coco", "--json") == 0
    captured = capsys.readouterr()
    lost = json.loads(captured.out)["lost"]
    assert [(entry["content"], entry["count"]) for entry in lost] == [
        ("tokens", 30),
        ("order", 1),
    ]


def test_fields_whose_names_the_format_uses_are_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = '{"filename": "a_1.tif", "captions": ["A pier."], "imgid": 77, "sentids": [1], "by": 5}'
    file, target = tmp_path / "a.jsonl", tmp_path / "to"
    file.write_text(line, encoding="utf-8")
    assert run("build", "convert", file, target, "--to", "rsitmd", "--json") == 0
    captured = capsys.readouterr()
    message = "the fields imgid and sentids of 1 image, because it uses these names itself"
    assert captured.err == f"{target}: rsitmd cannot store {message}\n"
    assert json.loads(captured.out)["lost"] == [
        {"content": "image_fields", "count": 1, "message": message}
    ]
    assert load_dataset(target).images[0].extra == {"by": 5}


@pytest.mark.parametrize("layout", WRITABLE)
def test_addresses_of_annotators_stay_in_the_workspace(
    tmp_path: Path, layout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, target = captioned_workspace(tmp_path / "w"), tmp_path / "to"
    assert run("build", "convert", folder, target, "--to", layout, "--images", "none") == 0
    captured = capsys.readouterr()
    files = [file for file in target.rglob("*") if file.is_file()]
    assert files
    written = b"".join(file.read_bytes() for file in files) + captured.err.encode()
    assert b"example.org" not in written
    if layout in ("rsitmd", "karpathy"):
        people = [s.annotator for s in load_dataset(target).images[0].sentences]
        assert people == [f"annotator-{number}" for number in AUTHORS]


def test_commands_in_the_workspace_show_addresses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = captioned_workspace(tmp_path / "w")
    assert run("validate", folder, "--statistics", "--format", "json") == 0
    assert ADDRESSES[1] in capsys.readouterr().out


def test_variants_are_chosen_by_name(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = ("build", "convert", source, tmp_path / "a", "--to")
    assert run(*target, "open-clip-csv", "--variant", "semicolon") == 2
    assert "use one of: filename-comma, filename-tab, filepath-comma" in capsys.readouterr().err
    assert run(*target, "coco", "--variant", "filename-tab") == 2
    assert "coco has no variant 'filename-tab'; leave out" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
    assert run(*target, "open-clip-csv", "--variant", "filepath-tab") == 0
    first = (tmp_path / "a" / "small_train.csv").read_text().splitlines()
    assert first[:2] == ["filepath\ttitle", "images/port_0.tif\tSentence 0, of image 0."]


def test_the_format_of_the_source_is_given(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("build", "convert", source, tmp_path / "to", "--to", "jsonl", "--input-format")
    assert run(*words, "coco") != 0
    assert not (tmp_path / "to").exists()
    capsys.readouterr()
    assert run(*words, "rsitmd") == 0
    assert load_dataset(tmp_path / "to").captions() == load_dataset(source).captions()

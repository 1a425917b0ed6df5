"""Import of other datasets: texts, files, and what a second import finds."""

from __future__ import annotations

import json
import tarfile
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.dataset import ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.ingest import ingest
from rsitmd_tools.ingest.importing import import_dataset
from rsitmd_tools.workspace import Workspace
from tests.ingest.imports import FIVE, dataset, into, record, rows, run, state
from tests.pictures import save_noise


def test_images_and_texts_come_into_the_dataset(tmp_path: Path) -> None:
    save_noise(tmp_path / "old" / "port_3.png", 1, side=300)
    save_noise(tmp_path / "old" / "farm_1.png", 2)
    data = dataset(
        record("port_3.png", split="test", category="port", keywords=("white boat", "- pier")),
        record("farm_1.png", "One.", "", split="train"),
        record("lost_1.png", split="train"),
        folder=tmp_path / "old",
    )
    report = into(tmp_path / "w", data)
    assert (report.images, report.sentences, report.added, report.known) == (3, 12, 3, 0)
    assert (report.files.added, report.files.without_file) == (2, ["lost_1.png"])
    found = {image.filename: image for image in load_dataset(tmp_path / "w")}
    assert list(found) == ["farm_1.tif", "port_3.tif", "lost_1.tif"]
    port = found["port_3.tif"]
    assert (port.captions, port.keywords) == (FIVE, ("white boat", "- pier"))
    assert (port.split, port.category) == ("test", "port")
    assert {s.annotator for s in port.sentences} == {None}
    assert {s.origin for s in port.sentences} == {None}
    assert {s.extra["imported_from"] for s in port.sentences} == {"Old"}
    assert found["farm_1.tif"].captions == ("One.", "")  # its place is kept
    assert found["lost_1.tif"].captions == FIVE
    with Image.open(tmp_path / "w" / "images" / "port_3.tif") as image:
        assert (image.size, image.mode, image.format) == ((256, 256), "RGB", "TIFF")
    assert rows(tmp_path / "w", "SELECT width, source FROM image WHERE category = 'port'") == [
        (300, str(tmp_path / "old" / "port_3.png"))
    ]


def test_the_source_of_a_file_in_a_tar_file_does_not_depend_on_its_split(tmp_path: Path) -> None:
    file = save_noise(tmp_path / "port_1.png", 1)
    (tmp_path / "port_1.json").write_text(
        json.dumps({"filename": "port_1.png", "captions": FIVE, "split": "restval"})
    )
    with tarfile.open(tmp_path / "old.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        for path in (file, tmp_path / "port_1.json"):
            archive.add(path, path.name)
    run("build", "init", tmp_path / "w")
    assert run("build", "import", tmp_path / "w", tmp_path / "old.tar") == 0
    assert rows(tmp_path / "w", "SELECT split, source FROM image") == [
        (None, str(tmp_path / "old.tar" / "port_1.png"))
    ]


def test_equal_files_of_two_records_are_two_images(tmp_path: Path) -> None:
    data = save_noise(tmp_path / "old" / "port_1.png", 1).read_bytes()
    (tmp_path / "old" / "port_2.png").write_bytes(data)
    both = dataset(record("port_1.png"), record("port_2.png"), folder=tmp_path / "old")
    report = into(tmp_path / "w", both)
    assert (report.files.added, report.files.duplicates) == (2, 2)
    before = state(tmp_path / "w")
    into(tmp_path / "w", both)
    assert state(tmp_path / "w") == before
    assert len(rows(tmp_path / "w", "SELECT DISTINCT sha256 FROM image")) == 2


def test_an_image_that_was_ingested_gets_the_texts(tmp_path: Path) -> None:
    file = save_noise(tmp_path / "old" / "x_7.png", 1)
    with Workspace.create(tmp_path / "w") as workspace:
        ingest(workspace, [tmp_path / "old"], category="port", workers=1)
        with workspace.transaction() as db:
            db.execute("UPDATE image SET split = 'train'")
    data = dataset(record(file.name, split="test"), folder=tmp_path / "old")
    report = into(tmp_path / "w", data)
    assert (report.files.added, report.files.linked) == (0, 1)
    assert report.files.kept_split == ["port_1.tif"]
    [image] = load_dataset(tmp_path / "w")
    assert (image.filename, image.captions, image.split) == ("port_1.tif", FIVE, "train")


def test_an_image_with_sentences_gets_those_of_another_dataset_too(tmp_path: Path) -> None:
    names = [save_noise(tmp_path / "old" / f"x_{n}.png", n).name for n in (1, 2, 3)]
    with_texts = [record(names[0]), record(names[1], " "), record(names[2])]
    first = into(tmp_path / "w", dataset(*with_texts, folder=tmp_path / "old"))
    assert first.files.more_sentences == []
    other = [record(names[0], "Another."), record(names[1], "A port."), record(names[2])]
    bare = replace(other[2], sentences=())
    again = replace(dataset(*other[:2], bare, folder=tmp_path / "old"), name="Other")
    assert into(tmp_path / "w", again).files.more_sentences == ["x_1.tif"]
    assert len(load_dataset(tmp_path / "w").images[0].captions) == 6


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("port_1.tif", "port_001.tif", "port_9.tif"), ("port_1", "port_10", "port_9")),
        (("1.jpg", "81.jpg"), ("old_1", "old_81")),
        (("a.jpg", "b.jpg"), ("old_1", "old_2")),
        (("port_99999999999999999999.tif",), ("port_1",)),
        (("Dense Residential_4.tif",), ("denseresidential_4",)),
        (("北京_4.tif",), ("image_4",)),
    ],
)
def test_names_in_the_workspace(
    tmp_path: Path, names: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    data = dataset(*map(record, names))
    into(tmp_path / "w", data)
    found = rows(tmp_path / "w", "SELECT category, number FROM imported_image ORDER BY id")
    assert tuple(f"{category}_{number}" for category, number in found) == expected


def test_what_does_not_fit_is_reported(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"x")
    (tmp_path / "old").mkdir()
    data = dataset(
        record("port_1.tif", split="dev"),
        record("port_1.tif", "Another text."),
        record("../secret.png"),
        folder=tmp_path / "old",
    )
    report = into(tmp_path / "w", data)
    assert report.repeated == ["port_1.tif"]
    assert report.other_split == {"dev": 1}
    assert report.files.rejected == [("../secret.png", "the image is outside the image folder")]
    again = into(tmp_path / "w", dataset(record("port_1.tif", "New text.", *FIVE[1:])))
    assert (again.changed, again.keywords) == (["port_1.tif"], [])
    other = replace(record("port_1.tif"), keywords=("grey port",))
    again = into(tmp_path / "w", dataset(other))
    assert (again.changed, again.keywords) == ([], ["port_1.tif"])
    assert load_dataset(tmp_path / "w").images[1].captions == FIVE


def test_a_workspace_or_nothing_is_not_imported(tmp_path: Path) -> None:
    into(tmp_path / "a", dataset(record("port_1.tif")))
    with pytest.raises(RsitmdError, match="is a workspace; make a release"):
        into(tmp_path / "b", load_dataset(tmp_path / "a"))
    with pytest.raises(RsitmdError, match="old: has no images"):
        into(tmp_path / "b", dataset())


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    images=st.lists(
        st.tuples(
            st.sampled_from(["port_1.tif", "port_2.tif", "3.jpg", "a/b_4.png", "..", "x"]),
            st.lists(TEXT, max_size=3),
            st.lists(TEXT, max_size=2),
            st.sampled_from(["train", "val", "test", None, "dev", ""]),
            st.none() | TEXT,
        ),
        min_size=1,
        max_size=6,
    ),
    name=TEXT,
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25
)
def test_any_texts_come_back_as_they_were(
    images: list[Any], name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    workspace = tmp_path_factory.mktemp("any") / "w"
    data = dataset(
        *(
            record(filename, category=category, split=split, keywords=tuple(words))
            if not texts
            else ImageRecord(filename, tuple(map(Sentence, texts)), tuple(words), split, category)
            for filename, texts, words, split, category in images
        ),
        name=name,
    )
    into(workspace, data)
    before = state(workspace)
    into(workspace, data)
    assert state(workspace) == before
    first = {image.filename: image for image in reversed(data.images)}
    assert sorted(image.captions for image in load_dataset(workspace)) == sorted(
        image.captions for image in first.values()
    )


def test_the_command_lists_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_dataset(dataset(*(record(f"port_{n}.tif") for n in range(12))), tmp_path / "old", "rsitmd")
    assert run("build", "init", tmp_path / "w") == 0
    capsys.readouterr()
    assert run("build", "import", tmp_path / "w", tmp_path / "old") == 0
    said = capsys.readouterr()
    assert said.out.startswith("12 images with 60 sentences: 12 added, 0 known\nimage files: 0 add")
    assert "without an image file: port_9.tif" in said.err
    assert "without an image file: 2 more; use --json to list all" in said.err
    assert run("build", "import", tmp_path / "w", tmp_path / "old", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["dataset"], document["known"]) == ("Old", 12)
    assert len(document["without_file"]) == 12
    # They are findings, and listed by status.
    assert run("validate", tmp_path / "w", "--select", "D103", "--format", "json") == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert len(findings) == 12
    assert {finding["name"] for finding in findings} == {"missing-file"}
    assert run("annotate", "status", tmp_path / "w", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["images"], len(document["without_file"])) == (0, 12)
    assert document["without_file"][0] == {"dataset": "Old", "image": "port_0.tif"}


def test_what_is_not_imported_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "captions.csv"
    file.write_text("image,caption,annotator,sensor\na.png,A boat.,ann,S2\na.png,A pier.,,S2\n")
    assert root._run(["build", "init", str(tmp_path / "w")], False) == 0
    capsys.readouterr()
    assert root._run(["build", "import", str(tmp_path / "w"), str(file)], False) == 0
    assert capsys.readouterr().err.splitlines()[:2] == [
        "not imported: other fields of 1 image",
        "not imported: the annotators of 1 sentence",
    ]


def test_what_the_image_list_of_a_release_has_beside_windows_is_said_to_be_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_dataset(dataset(record("a.tif"), record("b.tif")), tmp_path / "old", "rsitmd")
    lines = ["filename,sha256,source,source_sha256,window,licence"]
    lines += [f"a.tif,{'0' * 64},scene.tif,{'1' * 64},0 0 64 64,CC0-1.0"]
    lines += [f"b.tif,{'2' * 64},photo.png,{'3' * 64},,CC-BY-4.0"]
    (tmp_path / "old" / "images.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "old" / "release.json").touch()
    assert root._run(["build", "init", str(tmp_path / "w")], False) == 0
    for source in (tmp_path / "old", tmp_path / "old" / "dataset_RSITMD.json"):
        capsys.readouterr()
        assert root._run(["build", "import", str(tmp_path / "w"), str(source)], False) == 0
        assert capsys.readouterr().err.splitlines()[:2] == [
            "not imported: sources of 1 image without a window (images.csv)",
            "not imported: licences of the images (images.csv)",
        ]


def test_what_changes_in_a_workspace_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tuple(f"word {number}" for number in range(7))
    data = dataset(replace(record("a.tif"), category="land use", keywords=words))
    save_dataset(data, tmp_path / "old", "rsitmd")
    assert run("build", "init", tmp_path / "w") == 0
    capsys.readouterr()
    assert run("build", "import", tmp_path / "w", tmp_path / "old") == 0
    lines = capsys.readouterr().err.splitlines()
    assert any(
        line.startswith("note: 2 keywords beyond keywords_max of an image") for line in lines
    )
    assert "category: land use is landuse in the workspace" in lines


def test_a_file_with_another_suffix_is_in_the_folder_of_the_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file of the same name in another folder, or of another image, is another picture."""
    records = [record(name) for name in ("1.tif", "2.tif", "2.jpg", "3.tif", "3.jpg")]
    records += [replace(record(f"{n}.tif"), extra={"filepath": "a"}) for n in (1, 4)]
    records[-2] = replace(records[-2], filename="a1.tif", extra={"filepath": "a"})
    save_dataset(dataset(*records), tmp_path / "old", "rsitmd")
    images = tmp_path / "old" / "images"
    (images / "a").mkdir(parents=True)
    for number, name in enumerate(("1.png", "2.jpg", "3.png", "a1.png", "4.png", "a/4.png")):
        Image.new("RGB", (256, 256), (40 * number, 9, 9)).save(images / name)
    assert run("build", "init", tmp_path / "w") == 0
    capsys.readouterr()
    assert run("build", "import", tmp_path / "w", tmp_path / "old", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["other_suffix"] == [["1.tif", "1.png"], ["a/4.tif", "a/4.png"]]
    assert report["without_file"] == ["2.tif", "3.tif", "3.jpg", "a/a1.tif"]
    assert report["added"] == 3


def test_the_command_fails_only_if_no_file_can_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = dataset(record("port_1.png"), record("port_2.png"))
    save_dataset(data, tmp_path / "old", "rsitmd")
    (tmp_path / "old" / "images").mkdir()
    (tmp_path / "old" / "images" / "port_1.png").write_bytes(b"damaged")
    run("build", "init", tmp_path / "w")
    assert run("build", "import", tmp_path / "w", tmp_path / "old") == 1
    assert "rejected: " in capsys.readouterr().err
    save_noise(tmp_path / "old" / "images" / "port_2.png", 1)
    assert run("build", "import", tmp_path / "w", tmp_path / "old") == 0


def test_pages_after_the_first_are_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_dataset(dataset(record("port_1.tif")), tmp_path / "old", "rsitmd")
    (tmp_path / "old" / "images").mkdir()
    page: Any = Image.new("RGB", (32, 32))
    page.save(tmp_path / "old/images/port_1.tif", save_all=True, append_images=[page])
    run("build", "init", tmp_path / "w")
    assert run("build", "import", tmp_path / "w", tmp_path / "old") == 0
    note = "only the first of its 2 pages was read"
    file = tmp_path / "old" / "images" / "port_1.tif"
    assert f"note: {file}: {note}\n" in capsys.readouterr().err
    run("build", "init", tmp_path / "v")
    capsys.readouterr()
    assert run("build", "import", tmp_path / "v", tmp_path / "old", "--json") == 0
    assert json.loads(capsys.readouterr().out)["notes"] == [[str(file), note]]


@pytest.mark.parametrize(
    ("name", "images", "resized"), [("rsitmd_partial", 3630, 3630), ("ucm_full", 2100, 44)]
)
def test_published_datasets(
    shared_data: Path, tmp_path: Path, name: str, images: int, resized: int
) -> None:
    data = load_dataset(shared_data / name)
    with Workspace.create(tmp_path / "w") as workspace:
        report = import_dataset(workspace, data)
        assert (report.added, report.files.added, report.files.without_file) == (images, images, [])
        other = "SELECT count(*) FROM image WHERE width <> 256 OR height <> 256"
        assert workspace.db.execute(other).fetchone()[0] == resized
        for file in list(workspace.images.iterdir())[:: images // 20]:
            with Image.open(file) as image:
                assert (image.size, image.mode) == ((256, 256), "RGB")
    again = load_dataset(tmp_path / "w")
    assert len(again) == images
    if name == "rsitmd_partial":
        theirs = {Path(i.filename).stem: (i.captions, i.split) for i in data}
        assert {Path(i.filename).stem: (i.captions, i.split) for i in again} == theirs
    else:
        theirs = {f"ucmfull_{Path(i.filename).stem}": (i.captions, i.split) for i in data}
        assert {Path(i.filename).stem: (i.captions, i.split) for i in again} == theirs


def test_a_file_whose_name_differs_in_case_is_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A.png could be the file of A.tif or of a.tif."""
    records = [record(name) for name in ("port_1.tif", "port_2.tif", "A.tif", "a.tif")]
    save_dataset(dataset(*records), tmp_path / "old", "rsitmd")
    for number, name in enumerate(("PORT_1.TIF", "port_2.tif", "A.png")):
        save_noise(tmp_path / "old" / "images" / name, number)
    assert run("build", "init", tmp_path / "w") == 0
    capsys.readouterr()
    assert run("build", "import", tmp_path / "w", tmp_path / "old") == 0
    said = capsys.readouterr()
    assert "image files: 2 added, 0 already in the workspace, 2 missing" in said.out
    assert (
        "1 image file with another suffix, case or Unicode form, first PORT_1.TIF for" in said.err
    )


def test_a_file_whose_name_has_another_unicode_form_is_found(tmp_path: Path) -> None:
    """An archive of another system can have "u" with a combining mark for "ü"."""
    names = ("h\u00fctte_1.png", "ha\u0308fen_2.png")
    for number, form in enumerate(("NFD", "NFC")):
        save_noise(tmp_path / "old" / unicodedata.normalize(form, names[number]), number)
    report = into(tmp_path / "w", dataset(*map(record, names), folder=tmp_path / "old"))
    assert (report.files.added, report.files.without_file) == (2, [])


def test_what_the_reader_noticed_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {"image": "port_1.png", "caption": FIVE[0], "label_name": "port"}
    other = {**entry, "caption": FIVE[1], "label_name": "farm"}
    file = tmp_path / "ships_train.json"
    file.write_text(json.dumps([entry, other]))
    [noticed] = load_dataset(file).notes
    run("build", "init", tmp_path / "w")
    capsys.readouterr()
    assert run("build", "import", tmp_path / "w", file) == 0
    assert f"warning: {noticed}\n" in capsys.readouterr().err
    assert run("build", "convert", file, tmp_path / "new", "--to", "karpathy") == 0
    assert f"warning: {noticed}\n" in capsys.readouterr().err

"""Import of other datasets: texts, files, and what a second import finds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.ingest import ingest
from rsitmd_tools.ingest.importing import ImportReport, import_dataset
from rsitmd_tools.workspace import Workspace
from tests.builders import add
from tests.pictures import save_noise

FIVE = tuple(f"Sentence {n} says what is there." for n in range(5))


def record(filename: str, *sentences: str, **fields: Any) -> ImageRecord:
    return ImageRecord(filename, tuple(map(Sentence, sentences or FIVE)), **fields)


def dataset(*records: ImageRecord, folder: Path | None = None, name: str = "Old") -> Dataset:
    return Dataset(name, records, Path("old"), "rsitmd", folder)


def into(workspace: Path, data: Dataset) -> ImportReport:
    with Workspace.create(workspace) as opened:
        return import_dataset(opened, data, workers=1)


def rows(workspace: Path, query: str) -> list[tuple[Any, ...]]:
    with Workspace.open(workspace) as opened:
        return [tuple(row) for row in opened.db.execute(query)]


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


def state(workspace: Path) -> tuple[Any, ...]:
    """Return all rows but the times, and the files."""
    with Workspace.open(workspace) as opened:
        found = [
            [tuple(row) for row in opened.db.execute(f"SELECT {columns} FROM {table}")]
            for table, columns in (
                ("image", "id, sha256, filename, source, pixel_sha256, duplicate_group, split"),
                ("imported_image", "id, dataset, name, category, number, split, image_id"),
                ("imported_sentence", "*"),
                ("imported_keyword", "*"),
                ("rejected", "source, reason"),
            )
        ]
        files = {path.name: path.read_bytes() for path in opened.images.iterdir()}
    return found, files


def test_a_second_import_adds_nothing(tmp_path: Path) -> None:
    for number in range(3):
        save_noise(tmp_path / "old" / f"port_{number}.png", number)
    (tmp_path / "old" / "port_3.png").write_bytes(b"damaged")
    data = dataset(*(record(f"port_{n}.png") for n in range(5)), folder=tmp_path / "old")
    first = into(tmp_path / "w", data)
    assert (first.files.added, len(first.files.rejected)) == (3, 1)
    assert sorted(first.files.without_file) == ["port_3.png", "port_4.png"]
    before = state(tmp_path / "w")
    again = into(tmp_path / "w", data)
    assert (again.added, again.known, again.files.added) == (0, 5, 0)
    assert state(tmp_path / "w") == before


def test_a_later_import_completes_the_files(tmp_path: Path) -> None:
    texts = dataset(*(record(f"port_{n}.tif", split="test") for n in (1, 2)))
    assert into(tmp_path / "w", texts).files.without_file == ["port_1.tif", "port_2.tif"]
    # An ingest meanwhile leaves the names to them.
    save_noise(tmp_path / "new" / "port" / "a.png", 9)
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        ingest(workspace, [tmp_path / "new"], workers=1)
    assert rows(tmp_path / "w", "SELECT filename FROM image") == [("port_3.tif",)]
    # The files may have another suffix.
    save_noise(tmp_path / "old" / "port_2.jpg", 2)
    with_files = Dataset("Old", texts.images, Path("old"), "rsitmd", tmp_path / "old")
    report = into(tmp_path / "w", with_files)
    assert (report.known, report.files.added) == (2, 1)
    assert report.files.without_file == ["port_1.tif"]
    found = rows(tmp_path / "w", "SELECT filename, split FROM image ORDER BY number")
    assert found == [("port_2.tif", "test"), ("port_3.tif", None)]


def texts_about(what: str) -> tuple[str, ...]:
    return tuple(f"{what} seen from the air {number}." for number in range(5))


@pytest.mark.parametrize("with_files", [False, True])
def test_another_dataset_of_the_same_name_is_refused(tmp_path: Path, with_files: bool) -> None:
    """Its pictures would be those of the sentences that have their names."""
    names = ("0.png", "1.png")
    for number, name in enumerate(names):
        save_noise(tmp_path / "ships" / name, number)
        save_noise(tmp_path / "trees" / name, number + 10)
    ships = dataset(
        *(record(name, *texts_about("Ships")) for name in names),
        folder=tmp_path / "ships" if with_files else None,
    )
    trees = dataset(
        *(record(name, *texts_about("Trees")) for name in names), folder=tmp_path / "trees"
    )
    into(tmp_path / "w", ships)
    before = state(tmp_path / "w")
    with pytest.raises(RsitmdError, match="other sentences than the dataset Old") as error:
        into(tmp_path / "w", trees)
    assert error.value.hint is not None
    assert "--name" in error.value.hint
    assert state(tmp_path / "w") == before
    other = into(tmp_path / "w", replace(trees, name="trees"))
    assert (other.added, other.files.added) == (2, 2)
    with Workspace.open(tmp_path / "w") as workspace:
        images = {
            image.filename: image.captions for image in load_dataset(workspace.path, "workspace")
        }
        found = workspace.db.execute("SELECT dataset FROM imported_image WHERE image_id NOT NULL")
        datasets = [row[0] for row in found]
    assert sorted(images.values()) == [texts_about("Ships")] * 2 + [texts_about("Trees")] * 2
    assert datasets == [*["Old"] * 2 * with_files, "trees", "trees"]


def test_one_image_with_other_sentences_gets_no_file(tmp_path: Path) -> None:
    names = [f"port_{number}.png" for number in range(4)]
    for number, name in enumerate(names):
        save_noise(tmp_path / "old" / name, number)
    into(tmp_path / "w", dataset(*map(record, names)))
    # Spaces and stops differ between formats, and a corrected sentence is no other image.
    spaced = [text.replace(".", " .").lower() for text in FIVE]
    changed = ["Ships.", *FIVE[1:]]
    new = [record(names[0], *spaced), record(names[1], *changed), record(names[2])]
    other = record(names[3], *texts_about("Trees"))
    report = into(tmp_path / "w", dataset(*new, other, folder=tmp_path / "old"))
    assert report.other == ["port_3.png"]
    assert report.changed == ["port_0.png", "port_1.png"]
    assert report.files.added == 3
    assert report.files.without_file == ["port_3.png"]


def test_the_command_gives_a_dataset_a_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_dataset(dataset(record("a.png")), tmp_path / "one", "rsitmd")
    save_dataset(dataset(record("a.png", *texts_about("Trees"))), tmp_path / "two", "rsitmd")
    assert run("build", "init", tmp_path / "w") == 0
    assert run("build", "import", tmp_path / "w", tmp_path / "one") == 0
    assert run("build", "import", tmp_path / "w", tmp_path / "two") == 1
    assert "for 1 image of the same name, first a.png" in capsys.readouterr().err
    assert run("build", "import", tmp_path / "w", tmp_path / "two", "--name", "two") == 0
    assert rows(tmp_path / "w", "SELECT dataset FROM imported_image") == [("Old",), ("two",)]
    assert run("build", "import", tmp_path / "w", tmp_path / "two", "--name", " ") == 2


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


def test_a_missing_file_of_the_workspace_is_restored(tmp_path: Path) -> None:
    save_noise(tmp_path / "old" / "port_1.png", 1)
    data = dataset(record("port_1.png"), folder=tmp_path / "old")
    into(tmp_path / "w", data)
    file = tmp_path / "w" / "images" / "port_1.tif"
    before = file.read_bytes()
    file.unlink()
    assert into(tmp_path / "w", data).files.restored == 1
    assert file.read_bytes() == before


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


def run(*arguments: object) -> int:
    return root._run([str(argument) for argument in arguments], False)


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
        "not imported: 1 image with other fields",
        "not imported: 1 sentence with an annotator",
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


def test_a_second_import_names_what_it_does_not_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = record("port_1.tif", category="port", split="train")
    same = record("port_2.tif", category="port", split="train")
    save_dataset(dataset(one, same), tmp_path / "old", "rsitmd")
    assert run("build", "init", tmp_path / "w") == 0
    assert run("build", "import", tmp_path / "w", tmp_path / "old") == 0
    assert "is kept" not in capsys.readouterr().err
    save_dataset(dataset(replace(one, split="test"), same), tmp_path / "old", "rsitmd")
    assert run("build", "import", tmp_path / "w", tmp_path / "old") == 0
    assert [line for line in capsys.readouterr().err.splitlines() if "is kept" in line] == [
        "category or split changed in the dataset; the imported one is kept: port_1.tif"
    ]


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


def test_a_removed_image_stays_removed_and_a_renamed_one_keeps_its_name(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        save_noise(tmp_path / "old" / f"port_{number}.png", number)
    data = dataset(*(record(f"port_{n}.png") for n in (1, 2)), folder=tmp_path / "old")
    into(tmp_path / "w", data)
    with Workspace.open(tmp_path / "w", write=True) as workspace, workspace.transaction() as db:
        add(db, "removed_image", image_id=1)
        db.execute("UPDATE image SET filename = 'port_3.tif' WHERE id = 2")
    images = tmp_path / "w" / "images"
    (images / "port_2.tif").rename(images / "port_3.tif")
    (images / "port_1.tif").unlink()
    more = dataset(*(record(f"port_{n}.png") for n in (1, 2, 3)), folder=tmp_path / "old")
    report = into(tmp_path / "w", more)
    assert (report.added, report.files.added, report.files.restored) == (1, 1, 0)
    # The place of port_3.tif is taken by the renamed image.
    assert sorted(path.name for path in images.iterdir()) == ["port_3.tif", "port_4.tif"]
    # Another dataset with the same file does not bring it back.
    other = dataset(record("x.png"), folder=tmp_path / "more", name="Other")
    (tmp_path / "more").mkdir()
    (tmp_path / "old" / "port_1.png").rename(tmp_path / "more" / "x.png")
    assert into(tmp_path / "w", other).files.linked == 1
    assert [i.filename for i in load_dataset(tmp_path / "w")] == ["port_3.tif", "port_4.tif"]
    assert len(list(images.iterdir())) == 2

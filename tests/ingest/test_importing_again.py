"""A second import: what is known, completed, or refused as another dataset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rsitmd_tools.dataset import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.ingest import ingest
from rsitmd_tools.ingest.renaming import recategorise, rename
from rsitmd_tools.workspace import Workspace
from tests.builders import add
from tests.ingest.imports import FIVE, dataset, into, record, rows, run, state
from tests.pictures import save_noise


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


def test_a_dataset_that_was_made_from_the_workspace_is_refused(tmp_path: Path) -> None:
    for number in range(3):
        save_noise(tmp_path / "photos" / "port" / f"{number}.png", number)
    with Workspace.create(tmp_path / "w") as workspace:
        ingest(workspace, [tmp_path / "photos"], workers=1)
    made = dataset(*(record(f"port_{n}.tif") for n in (1, 2, 3)), folder=tmp_path / "w" / "images")
    before = state(tmp_path / "w")
    expected = "old: was made from this workspace: it has 3 image files of it, first port_1.tif;"
    with pytest.raises(RsitmdError, match=expected):
        into(tmp_path / "w", made)
    assert state(tmp_path / "w") == before

    # Another workspace takes it in, and again.
    assert into(tmp_path / "other", made).files.added == 3
    assert into(tmp_path / "other", made).known == 3
    # The workspace takes in its own source files, as linked images.
    for number in range(3):
        file = tmp_path / "photos" / "port" / f"{number}.png"
        file.rename(tmp_path / "photos" / f"port_{number + 1}.tif")
    sources = dataset(*made.images, folder=tmp_path / "photos")
    assert into(tmp_path / "w", sources).files.linked == 3


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


def records(names: list[str], texts: list[tuple[str, ...]]) -> list[ImageRecord]:
    return [record(name, *sentences) for name, sentences in zip(names, texts, strict=True)]


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


def test_only_images_of_this_import_are_reported_as_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each split of a dataset can be a file of its own, imported with its images."""
    into(tmp_path / "w", dataset(record("port_1.png", split="train"), record("port_2.png")))
    save_noise(tmp_path / "old" / "images" / "port_3.png", 3)
    (tmp_path / "old" / "images" / "port_4.png").write_bytes(b"damaged")
    data = dataset(record("port_3.png", split="test"), record("port_4.png", split="test"))
    save_dataset(data, tmp_path / "old", "rsitmd")
    # Not 1: one of its files was used.
    assert run("build", "import", tmp_path / "w", tmp_path / "old") == 0
    said = capsys.readouterr()
    assert "image files: 1 added, 0 already in the workspace, 1 missing, 1 rejected" in said.out
    assert "without an image file: port_4.png\n" in said.err and "port_1" not in said.err


def test_a_waiting_image_keeps_its_name(tmp_path: Path) -> None:
    """No other image has the name under which the dataset shows an image without a file."""
    into(tmp_path / "w", dataset(*(record(f"port_{n}.png") for n in (1, 2))))
    save_noise(tmp_path / "new" / "farm" / "a.png", 9)
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        ingest(workspace, [tmp_path / "new"], workers=1)
        recategorise(workspace, ["farm_1.tif"], "port", with_names=True)
        with pytest.raises(RsitmdError, match="is or was the name of another image"):
            rename(workspace, "port_3.tif", "port_2.tif")
        names = [image.filename for image in load_dataset(workspace.path)]
    assert names == ["port_3.tif", "port_1.tif", "port_2.tif"]


@pytest.mark.parametrize("to", ["pier", "pier_9.tif"])
def test_an_imported_image_does_not_get_a_name_that_an_image_has_or_had(
    tmp_path: Path, to: str
) -> None:
    save_noise(tmp_path / "new" / "port" / "a.png", 9)
    with Workspace.create(tmp_path / "w") as workspace:
        ingest(workspace, [tmp_path / "new"], workers=1)
        recategorise(workspace, ["port_1.tif"], "pier")
        if to != "pier":
            rename(workspace, "port_1.tif", to)
    into(tmp_path / "w", dataset(*(record(f"port_{n}.png") for n in (1, 2))))
    first = to if to != "pier" else "port_1.tif"
    names = [image.filename for image in load_dataset(tmp_path / "w")]
    assert names == [first, "port_2.tif", "port_3.tif"]


def test_a_file_does_not_take_the_name_of_a_waiting_image(tmp_path: Path) -> None:
    """A database of an earlier version can have a stored image with the name of a waiting one."""
    into(tmp_path / "w", dataset(*(record(f"port_{n}.png") for n in (1, 2))))
    save_noise(tmp_path / "new" / "farm" / "a.png", 9)
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        ingest(workspace, [tmp_path / "new"], workers=1)
        with workspace.transaction() as db:
            db.execute("UPDATE image SET category = 'port', number = 1")
    save_noise(tmp_path / "old" / "port_1.png", 1)
    into(tmp_path / "w", dataset(record("port_1.png"), folder=tmp_path / "old"))
    names = [image.filename for image in load_dataset(tmp_path / "w")]
    assert names == ["farm_1.tif", "port_3.tif", "port_2.tif"]


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


@pytest.mark.parametrize("moved", [2, 5])
def test_an_image_of_a_dataset_numbered_again_gets_no_file_of_another(
    tmp_path: Path, moved: int
) -> None:
    """Images of one category have some sentences in common."""
    names = [f"port_{number}.png" for number in range(5)]
    texts = [(FIVE[0], *texts_about(f"Port {number}")[1:]) for number in range(5)]
    into(tmp_path / "w", dataset(*records(names, texts)))
    for number, name in enumerate(names):
        save_noise(tmp_path / "old" / name, number)
    # Each of the first images has the name of the next one.
    texts[:moved] = [*texts[1:moved], texts[0]]
    new = dataset(*records(names, texts), folder=tmp_path / "old")
    if moved == 5:
        with pytest.raises(RsitmdError, match=r"has other sentences .* for 5 images"):
            into(tmp_path / "w", new)
        assert rows(tmp_path / "w", "SELECT count(*) FROM image") == [(0,)]
        return
    report = into(tmp_path / "w", new)
    assert report.other == report.files.without_file == names[:2]
    assert report.files.added == 3


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


def test_a_missing_file_of_the_workspace_is_restored(tmp_path: Path) -> None:
    save_noise(tmp_path / "old" / "port_1.png", 1)
    data = dataset(record("port_1.png"), folder=tmp_path / "old")
    into(tmp_path / "w", data)
    file = tmp_path / "w" / "images" / "port_1.tif"
    before = file.read_bytes()
    file.unlink()
    assert into(tmp_path / "w", data).files.restored == 1
    assert file.read_bytes() == before
    # Another picture under the same name is not the file that the sentences are about.
    file.unlink()
    source = save_noise(tmp_path / "old" / "port_1.png", 2)
    report = into(tmp_path / "w", data).files
    assert report.restored == 0
    problem = "does not restore port_1.tif, whose file had other pixels"
    assert report.notes == [(str(source), problem)]
    assert not file.exists()


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

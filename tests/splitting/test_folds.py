"""``build split --folds``: every image in one test fold, stratified, groups whole."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import rsitmd_tools
from rsitmd_tools.cli import root
from rsitmd_tools.dataset.folds import folds_text, read_folds, with_fold
from rsitmd_tools.dataset.records import Dataset, ImageRecord
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.release import make_release, verify_release
from rsitmd_tools.release.checksums import write_checksums
from rsitmd_tools.splitting import Item, assign_splits, make_folds
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.folds import stored_folds
from rsitmd_tools.workspace.schema import MIGRATIONS
from tests.release.conftest import make_workspace as make_workspace
from tests.splitting.conftest import Make, add
from tests.splitting.conftest import make as make
from tests.splitting.items import ITEMS, alone

MakeWorkspace = Callable[..., Path]


def run(folder: Path, *arguments: str) -> Result:
    words = ["build", "split", str(folder), *arguments]
    return CliRunner().invoke(root.cli, words, standalone_mode=False)


def placed(folder: Path) -> dict[str, int]:
    with Workspace.open(folder) as workspace:
        return stored_folds(workspace)


@given(ITEMS, st.integers(2, 6), st.integers(0, 9))
def test_every_image_is_in_one_fold_and_no_group_is_parted(
    items: list[Item], folds: int, seed: int
) -> None:
    names = [f"fold {number}" for number in range(folds)]
    assigned = assign_splits(items, dict.fromkeys(names, 1 / folds), seed)
    homes = defaultdict(set)
    for item in items:
        homes[item.group].add(assigned[item.name])
    assert assigned.keys() == {item.name for item in items}
    assert all(len(home) == 1 for home in homes.values())
    assert len(set(assigned.values())) == min(folds, len(homes))
    # In each round of a cross-validation, the test images are those of one fold: together they
    # are all images, each once.
    records = tuple(ImageRecord(item.name) for item in items)
    data = Dataset("d", records, Path("x"), "rsitmd")
    numbers = {name: names.index(home) for name, home in assigned.items()}
    if len(homes) < folds:
        return
    tested = [
        image.filename
        for number in range(folds)
        for image in with_fold(data, numbers, number)
        if image.split == "test"
    ]
    assert sorted(tested) == sorted(assigned)


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 40), min_size=1),
    st.integers(2, 6),
    st.integers(0, 9),
)
def test_folds_have_equal_shares_of_each_category(
    counts: dict[str, int], folds: int, seed: int
) -> None:
    items = alone(**counts)
    names = [str(number) for number in range(folds)]
    assigned = assign_splits(items, dict.fromkeys(names, 1 / folds), seed)
    found = Counter((item.category, assigned[item.name]) for item in items)
    for category, count in counts.items():
        share = [found[category, name] for name in names]
        # One more where an empty fold was given an image.
        assert max(share) - min(share) <= (1 if len(items) >= 2 * folds else 2), (count, share)


def test_folds_are_kept_in_the_workspace_beside_the_splits(make: Make, tmp_path: Path) -> None:
    folder = make(40, duplicates=True)
    run(folder)
    with Workspace.open(folder) as workspace:
        before = {image.filename: image.split for image in load_dataset(workspace.path)}
    done = run(folder, "--folds", "5", "--json")
    report = json.loads(done.stdout)
    assert sum(report["folds"]) == report["placed"] == len(placed(folder)) == 40
    assert max(report["folds"]) - min(report["folds"]) <= 2
    assert (report["kept_together"], report["parted"], done.return_value) == (4, 0, 0)
    assert {image.filename: image.split for image in load_dataset(folder)} == before
    first = placed(folder)
    with Workspace.open(folder) as workspace:
        groups = workspace.db.execute(
            "SELECT count(DISTINCT fold), count(*) FROM image JOIN fold ON image_id = image.id"
            " WHERE duplicate_group IS NOT NULL GROUP BY duplicate_group"
        ).fetchall()
    assert [tuple(row) for row in groups] == [(1, 2), (1, 2)]

    assert "; 0 assigned (seed 0)" in run(folder, "--folds", "5").stdout
    add(folder, 10, first=41)
    assert "; 10 assigned (seed 0)" in run(folder, "--folds", "5").stdout
    assert first.items() <= placed(folder).items()
    other = tmp_path / "other"
    Workspace.create(other).close()
    add(other, 40, duplicates=True)
    run(other, "--folds", "5")
    assert placed(other) == first


def test_another_number_of_folds_needs_reassign(make: Make) -> None:
    folder = make(12)
    run(folder, "--folds", "3")
    refused = run(folder, "--folds", "4").exception
    assert isinstance(refused, RsitmdError)
    assert "has 3 folds; use --folds 3, or --reassign" in str(refused)
    assert run(folder, "--folds", "4", "--reassign").return_value == 0
    assert Counter(placed(folder).values()) == {0: 3, 1: 3, 2: 3, 3: 3}
    before = placed(folder)
    run(folder, "--folds", "4", "--reassign", "--seed", "3")
    assert placed(folder) != before


@pytest.mark.parametrize("folds", ["1", "0", "-2", "1001", "five"])
def test_an_invalid_number_of_folds_is_wrong_usage(make: Make, folds: str) -> None:
    folder = make(4)
    done = CliRunner().invoke(root.cli, ["build", "split", str(folder), "--folds", folds])
    assert done.exit_code == 2
    with Workspace.open(folder, write=True) as workspace, pytest.raises(WrongUsage):
        make_folds(workspace, 1)
    assert placed(folder) == {}


@pytest.mark.parametrize("option", [("--shares", "0.8,0.1,0.1"), ("--keep", "x")])
def test_options_of_splits_have_no_meaning_for_folds(make: Make, option: tuple[str, str]) -> None:
    refused = run(make(4), "--folds", "2", *option).exception
    assert isinstance(refused, WrongUsage)


def test_fewer_groups_than_folds_are_refused(make: Make) -> None:
    refused = run(make(8, duplicates=True), "--folds", "7").exception
    assert isinstance(refused, RsitmdError)
    assert "too few images for 7 folds: 8 images in 6 groups; ingest more" in str(refused)


def test_a_workspace_without_images_has_no_folds(make: Make) -> None:
    assert "has no images" in str(run(make(0), "--folds", "2").exception)


def test_whole_categories_can_be_kept_together(make: Make) -> None:
    folder = make(12)
    run(folder, "--folds", "2", "--by", "category")
    homes = defaultdict(set)
    for name, fold in placed(folder).items():
        homes[name.split("_")[0]].add(fold)
    assert sorted(map(list, homes.values())) == [[0], [1]]


def test_a_fold_of_a_workspace_is_taken_in_python(make: Make) -> None:
    folder = make(12)
    with pytest.raises(RsitmdError, match="12 images of 12 without a fold"):
        rsitmd_tools.load(folder).fold(0)
    with Workspace.open(folder, write=True) as workspace:
        make_folds(workspace, 2)
    tested = [
        image.filename
        for number in (0, 1)
        for image in rsitmd_tools.load(folder).fold(number).split("test")
    ]
    assert sorted(tested) == sorted(placed(folder))


def test_a_release_has_the_folds_and_convert_takes_one(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    folder, out = make_workspace(), tmp_path / "out"
    with Workspace.open(folder, write=True) as workspace:
        make_folds(workspace, 2)
        make_release(workspace, "1.0.0", out)
    folds = read_folds(out / "folds.csv")
    assert folds == placed(folder)
    assert list(folds) == [image.filename for image in load_dataset(out)]
    assert verify_release(out).differences == ()
    tested = []
    for number in (0, 1):
        target = tmp_path / f"fold-{number}"
        words = ["build", "convert", str(out), str(target), "--to", "rsitmd", "--images", "link"]
        done = CliRunner().invoke(root.cli, [*words, "--fold", str(number)], standalone_mode=False)
        assert done.exception is None, done.exception
        made = load_dataset(target)
        assert {image.split for image in made} == {"train", "test"}
        tested += [image.filename for image in made.select("test")]
        assert all(made.image_path(image).is_file() for image in made)
    assert sorted(tested) == sorted(folds)
    refused = CliRunner().invoke(
        root.cli,
        ["build", "convert", str(folder), str(tmp_path / "x"), "--to", "csv", "--fold", "2"],
        standalone_mode=False,
    )
    assert "fold 2 does not exist; use a fold from 0 to 1" in str(refused.exception)


def test_verify_reports_folds_of_other_images(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    folder, out = make_workspace(), tmp_path / "out"
    with Workspace.open(folder, write=True) as workspace:
        make_folds(workspace, 2)
        make_release(workspace, "1.0.0", out)
    lines = (out / "folds.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    for text, problem in (
        ("".join(lines[:-1]), "lists other images than dataset_RSITMD.json"),
        ("".join(lines).replace(",0", ",x"), "invalid fold"),
    ):
        (out / "folds.csv").write_text(text, encoding="utf-8")
        (out / "SHA256SUMS").unlink()
        write_checksums(out)
        (found,) = verify_release(out).differences
        assert found.file == "folds.csv"
        assert problem in found.problem


def test_a_release_with_an_image_without_a_fold_is_refused(
    make_workspace: MakeWorkspace, tmp_path: Path
) -> None:
    with Workspace.open(make_workspace(), write=True) as workspace:
        make_folds(workspace, 3)
        with workspace.transaction() as db:
            db.execute("DELETE FROM fold WHERE image_id = 1")
        with pytest.raises(RsitmdError, match=r"1 finished image of 8 without a fold.*--folds 3"):
            make_release(workspace, "1.0.0", tmp_path / "out")


NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=9)


@given(st.dictionaries(NAMES, st.integers(0, 999), max_size=5))
def test_written_folds_are_read_back(folds: dict[str, int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "folds.csv"
        file.write_text(folds_text(folds), encoding="utf-8", newline="")
        assert read_folds(file) == folds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", None),
        ("name,fold\n", "line 1: the columns must be filename,fold"),
        ("filename,fold\na.tif\n", "line 2: must have two fields"),
        ("filename,fold\na.tif,-1\n", "line 2: invalid fold"),
        ("filename,fold\na.tif,1.5\n", "line 2: invalid fold"),
        ("filename,fold\na.tif,99999999999\n", "line 2: invalid fold"),
        ("filename,fold\na.tif,1\na.tif,0\n", "line 3: lists a.tif again"),
        ('filename,fold\n"a.tif,1\n', "is not CSV"),
    ],
)
def test_a_malformed_file_is_one_line(tmp_path: Path, text: str, problem: str | None) -> None:
    file = tmp_path / "folds.csv"
    file.write_text(text, encoding="utf-8")
    if problem is None:
        assert read_folds(file) == {}
        return
    with pytest.raises(RsitmdError) as caught:
        read_folds(file)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_dataset_without_folds_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(RsitmdError, match="rsitmd build split DIR --folds 5"):
        read_folds(tmp_path / "folds.csv")
    data = Dataset("d", (ImageRecord("a.tif"),), tmp_path, "rsitmd")
    with pytest.raises(RsitmdError, match=r"1 image of 1 without a fold, such as a\.tif"):
        with_fold(data, {}, 0)


def test_an_older_workspace_gets_the_table(tmp_path: Path) -> None:
    Workspace.create(tmp_path / "w").close()
    for file in (tmp_path / "w").glob("workspace.db*"):
        file.unlink()
    with sqlite3.connect(tmp_path / "w" / "workspace.db") as db:
        number = next(n for n, text in enumerate(MIGRATIONS) if "CREATE TABLE fold " in text)
        for step in MIGRATIONS[:number]:
            db.executescript(step)
        db.execute(f"PRAGMA user_version = {number}")
    with Workspace.open(tmp_path / "w", write=True) as workspace:
        assert stored_folds(workspace) == {}

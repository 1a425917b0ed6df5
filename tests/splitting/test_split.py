"""``build split`` on a workspace: kept placements, --reassign, and what cannot be split."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.splitting import split
from rsitmd_tools.workspace import Workspace
from tests.release.conftest import add_image
from tests.release.conftest import make_workspace as make_workspace
from tests.release.releases import release
from tests.splitting.conftest import Make, add

WHEN = "2026-01-02T03:04:05Z"


def placed(folder: Path) -> dict[str, str]:
    with Workspace.open(folder) as workspace:
        return dict(workspace.db.execute("SELECT filename, split FROM image").fetchall())


def in_test(folder: Path) -> set[str]:
    return {name for name, home in placed(folder).items() if home == "test"}


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        root.cli, ["build", "split", str(folder), *arguments], standalone_mode=False
    )


def test_a_second_split_changes_nothing(make: Make) -> None:
    folder = make(40)
    with Workspace.open(folder, write=True) as workspace:
        report = split(workspace)
        assert report.images == {"train": 32, "val": 4, "test": 4}
        assert report.placed == 40
        assert split(workspace).placed == 0
        assert not split(workspace).settings_changed


def test_stratified_by_category(make: Make) -> None:
    folder = make(40)
    run(folder)
    count = Counter((name.split("_")[0], home) for name, home in placed(folder).items())
    for category in ("port", "farm"):
        assert [count[category, s] for s in ("train", "val", "test")] == [16, 2, 2]


def test_images_keep_their_split(make: Make) -> None:
    folder = make(40)
    run(folder)
    before = placed(folder)
    add(folder, 20, first=41)
    done = run(folder, "--seed", "7", "--shares", "0.5,0.25,0.25", "--json")
    report = json.loads(done.stdout)
    assert (report["placed"], report["settings_changed"]) == (20, True)
    assert "use --reassign to assign all images again" in done.stderr
    assert before.items() <= placed(folder).items()


def test_reassign_assigns_all_images_again(make: Make) -> None:
    folder = make(40)
    run(folder)
    before = placed(folder)
    report = json.loads(run(folder, "--reassign", "--seed", "7", "--json").stdout)
    assert report["placed"] > 0 and not report["settings_changed"]
    assert placed(folder) != before
    run(folder, "--reassign", "--seed", "0")
    assert placed(folder) == before


def test_duplicates_are_grouped_and_kept_together(make: Make) -> None:
    folder = make(30, duplicates=True)
    report = json.loads(run(folder, "--json").stdout)
    assert (report["kept_together"], report["parted"]) == (4, 0)
    with Workspace.open(folder) as workspace:
        groups = workspace.db.execute(
            "SELECT count(DISTINCT split), count(*) FROM image"
            " WHERE duplicate_group IS NOT NULL GROUP BY duplicate_group"
        ).fetchall()
    assert [tuple(row) for row in groups] == [(1, 2), (1, 2)]


def test_duplicates_in_several_splits_are_a_warning_and_reassign_fixes_it(make: Make) -> None:
    folder = make(30, duplicates=True)
    run(folder)
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        db.execute("UPDATE image SET split = 'train' WHERE id = 2")
        db.execute("UPDATE image SET split = 'test' WHERE id = 3")
    done = run(folder)
    assert done.return_value == 1
    assert "warning: 1 group of similar images in different splits" in done.stderr
    assert run(folder, "--reassign").return_value == 0


def test_a_split_of_share_0_stays_empty(make: Make) -> None:
    folder = make(10)
    report = json.loads(run(folder, "--shares", "0.8,0,0.2", "--json").stdout)
    assert report["images"] == {"train": 8, "val": 0, "test": 2}


@pytest.mark.parametrize(
    ("count", "line"),
    [
        (0, "has no images; run: rsitmd build ingest"),
        (2, "2 images in 2 groups.* empty; ingest"),
    ],
)
def test_too_few_images(make: Make, count: int, line: str) -> None:
    folder = make(count)
    with (
        Workspace.open(folder, write=True) as workspace,
        pytest.raises(RsitmdError, match=line),
    ):
        split(workspace)
    assert set(placed(folder).values()) <= {None}


def test_images_that_are_all_in_one_split_are_counted(make: Make) -> None:
    folder = make(10)
    assert run(folder, "--shares", "1,0,0").return_value == 0
    assert str(run(folder).exception).endswith(
        ": too few images without a split (0 of 10 images): val and test would be empty; use"
        " --reassign to assign all images again, or set the share of the empty split to 0"
    )


@pytest.mark.parametrize("shares", ["0.8,0.1,0.2", "1.5,-0.5,0", "nan,0.5,0.5", "inf,0,0"])
def test_invalid_shares_are_refused(make: Make, shares: str) -> None:
    folder = make(10)
    result = run(folder, "--shares", shares)
    assert isinstance(result.exception, WrongUsage), result.exception
    assert "that sum to 1" in str(result.exception)
    assert set(placed(folder).values()) == {None}


@pytest.mark.parametrize("shares", ["0.8", "a,b,c", "1,2,3,4"])
def test_shares_that_are_not_numbers(make: Make, shares: str) -> None:
    result = run(make(10), "--shares", shares)
    assert "must be three numbers" in str(result.exception)


def test_whole_categories_are_never_parted(make: Make) -> None:
    folder = make(40)
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        db.execute("UPDATE image SET category = 'c' || (number % 10)")
    done = run(folder, "--by", "category", "--ratios", "0.6,0.2,0.2", "--json")
    with Workspace.open(folder) as workspace:
        parts = workspace.db.execute(
            "SELECT count(DISTINCT split) FROM image GROUP BY category"
        ).fetchall()
    assert {row[0] for row in parts} == {1}
    assert json.loads(done.stdout)["images"] == {"train": 24, "val": 8, "test": 8}


def test_the_largest_deviation_and_large_groups_are_named(make: Make) -> None:
    folder = make(20)
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        db.execute("UPDATE image SET pixel_sha256 = 'same' WHERE number <= 6")
    done = run(folder)
    assert "large group: 6 images (farm_1.tif and others) in train" in done.stdout
    report = json.loads(run(folder, "--json").stdout)
    assert report["large_groups"] == [{"image": "farm_1.tif", "images": 6, "split": "train"}]
    worst = report["deviation"]
    count = Counter((name.split("_")[0], home) for name, home in placed(folder).items())
    shares = {"train": 0.8, "val": 0.1, "test": 0.1}
    deviations = {
        (category, name): abs(count[category, name] - share * 10)
        for category in ("farm", "port")
        for name, share in shares.items()
    }
    assert deviations[worst["category"], worst["split"]] == max(deviations.values())
    assert worst["images"] == count[worst["category"], worst["split"]]


DEVIATION = re.compile(
    "largest deviation from the shares: category (.*) has (.*) images in (.*); expected (.*)\n"
)


@pytest.mark.parametrize("options", [(), ("--folds", "3")])
def test_the_largest_deviation_is_printed(make: Make, options: tuple[str, ...]) -> None:
    folder = make(40)
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        db.execute("UPDATE image SET pixel_sha256 = 'same' WHERE category = 'port'")
    text = run(folder, *options).stdout
    ((category, images, home, share),) = DEVIATION.findall(text)
    assert (category, images) == ("port", "20"), text
    if options:
        (name,) = re.findall(r"(\d): 2\d", text)  # the fold of all ports
        assert (home, share) == (f"fold {name}", "6.7"), text
    else:
        assert (home, share) == ("train", "16.0"), text


@pytest.mark.parametrize("options", [(), ("--folds", "3")])
def test_a_deviation_below_an_image_is_not_printed(make: Make, options: tuple[str, ...]) -> None:
    done = run(make(40), *options)
    assert done.return_value == 0 and "40 assigned (seed" in done.stdout
    assert "deviation" not in done.stdout


def test_the_test_images_of_an_older_release_stay_in_test(make: Make, tmp_path: Path) -> None:
    folder = make(40)
    run(folder)
    old = {name for name, home in placed(folder).items() if home == "test"}
    release = tmp_path / "dataset_RSITMD.json"
    images = [
        {"filename": name, "split": home, "sentences": []} for name, home in placed(folder).items()
    ]
    release.write_text(json.dumps({"dataset": "w", "images": images}), encoding="utf-8")
    run(folder, "--reassign", "--seed", "9")
    assert not old <= {name for name, home in placed(folder).items() if home == "test"}
    run(folder, "--reassign", "--seed", "9", "--keep", str(release))
    assert old <= {name for name, home in placed(folder).items() if home == "test"}


def test_a_release_with_test_images_of_all_categories_leaves_no_training_image(
    make: Make, tmp_path: Path
) -> None:
    folder, old = make(20), tmp_path / "dataset_RSITMD.json"
    names = [f"{category}_{n}.tif" for category, n in (("port", 2), ("farm", 3))]
    images = [{"filename": name, "split": "test", "sentences": []} for name in names]
    old.write_text(json.dumps({"dataset": "w", "images": images}), encoding="utf-8")
    assert run(folder).exception is None
    for options in ((), ("--reassign",)):
        error = run(folder, "--by", "category", "--keep", str(old), *options).exception
        assert str(error).endswith(
            ": too few images (20 images in 2 groups): train and val would be empty;"
            " --keep or --exclude puts 20 of 20 images into test; use --by group instead of"
            " category, or set the share of the empty split to 0"
        )
    images = [{"filename": name, "split": "test", "sentences": []} for name in placed(folder)]
    old.write_text(json.dumps({"dataset": "w", "images": images}), encoding="utf-8")
    assert "use another list or release, or set" in str(run(folder, "--keep", str(old)).exception)


def test_images_similar_to_the_test_images_of_a_release_are_in_test(
    make_workspace: Callable[..., Path], tmp_path: Path
) -> None:
    folder, old = make_workspace(images=20), tmp_path / "ports-1.0.0"
    release(folder, old)
    tested = {image.filename for image in load_dataset(old) if image.split == "test"}
    before = placed(folder).keys()
    with Workspace.open(folder, write=True) as workspace:
        for index, name in enumerate(sorted(tested), 20):
            with Image.open(old / "images" / name) as opened:
                add_image(workspace, index, 0, None, np.asarray(opened) ^ np.uint8(1))
        alike = placed(folder).keys() - before
        for index in range(25, 40):
            add_image(workspace, index, 0, None)
    others = placed(folder).keys() - before - alike
    options = ("--reassign", "--shares", "0.6,0.1,0.3", "--seed", "9")
    run(folder, *options)
    assert not tested <= in_test(folder)
    run(folder, *options, "--keep", str(old))
    found = in_test(folder)
    assert len(tested) == len(alike) == 5 and tested | alike <= found
    assert others & found and others - found  # new images too, up to the share


def test_a_release_without_test_images_cannot_be_kept(make: Make, tmp_path: Path) -> None:
    folder = make(20)
    (tmp_path / "dataset_RSITMD.json").write_text('{"dataset": "w", "images": []}')
    error = run(folder, "--keep", str(tmp_path / "dataset_RSITMD.json")).exception
    assert isinstance(error, RsitmdError)
    assert "has no test images" in str(error)

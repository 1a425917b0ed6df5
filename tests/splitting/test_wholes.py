"""Scenes, categories, blocks and common sentences in a workspace that is already split."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from shapely.geometry import box, mapping

from rsitmd_tools.cli import root
from rsitmd_tools.splitting import make_folds, split
from rsitmd_tools.splitting.recorded import recorded_assignments
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.folds import folds_request, stored_folds
from rsitmd_tools.workspace.images import stored_images
from rsitmd_tools.workspace.scenes import image_places
from rsitmd_tools.workspace.settings import RELATIONS
from tests import builders

SCENES, TILES = 3, 10
SHARES = ("--shares", "0.4,0.3,0.3")


def add_tiles(folder: Path, scenes: Iterable[int], first: int) -> None:
    """Add ten tiles of each scene, which lie apart; the scenes are of two categories."""
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        number = first
        for scene in scenes:
            for _ in range(TILES):
                category = ("farm", "port")[scene % 2]
                image = builders.add(
                    db, "image", id=number, category=category, number=number, sha256=str(number)
                )
                west, south = 10 + scene / 100, 50 + number / 1000
                footprint = mapping(box(west, south, west + 0.0002, south + 0.0002))
                window = {"col": 32 * number, "row": 0, "width": 16, "height": 16}
                builders.add(
                    db, "place", image_id=image, scene_id=scene,
                    footprint=json.dumps(footprint), **window,
                )  # fmt: skip
                number += 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a workspace whose scenes are parted by an earlier split."""
    with Workspace.create(tmp_path / "w") as workspace, workspace.transaction() as db:
        for scene in range(1, SCENES + 1):
            builders.add(db, "scene", id=scene)
    add_tiles(tmp_path / "w", range(1, SCENES + 1), 1)
    done = run(tmp_path / "w", *SHARES)
    assert done.return_value == 0 and "warning" not in done.stderr
    assert len(parted_scenes(tmp_path / "w")) == SCENES
    return tmp_path / "w"


def run(folder: Path, *arguments: str) -> Result:
    done = CliRunner().invoke(
        root.cli, ["build", "split", str(folder), *arguments], standalone_mode=False
    )
    assert done.exception is None, done.exception
    return done


def homes(folder: Path) -> dict[str, set[str | None]]:
    """Return the splits of each scene."""
    found = defaultdict(set)
    with Workspace.open(folder) as workspace:
        for place in image_places(workspace):
            assert place.scene is not None
            found[place.scene.sha256].add(place.split)
    return found


def parted_scenes(folder: Path) -> set[str]:
    return {scene for scene, splits in homes(folder).items() if len(splits) > 1}


@pytest.mark.parametrize(("unit", "line"), [("scene", "3 scenes"), ("category", "2 categories")])
def test_units_that_an_earlier_split_parted_are_a_warning(
    folder: Path, unit: str, line: str
) -> None:
    done = run(folder, "--by", unit, *SHARES)
    assert done.return_value == 1
    assert (
        f"warning: {line} in different splits, because images keep an earlier split;"
        " use --reassign to fix this\n" in done.stderr
    )
    assert "large group" not in done.stdout
    report = json.loads(run(folder, "--by", unit, *SHARES, "--json").stdout)
    assert (report["by"], report["placed"], report["large_groups"]) == (unit, 0, [])
    assert report["parted_wholes"] == int(line[0])


def test_reassign_keeps_scenes_whole(folder: Path) -> None:
    done = run(folder, "--by", "scene", "--reassign", *SHARES)
    assert (done.return_value, parted_scenes(folder)) == (0, set())
    assert "warning" not in done.stderr
    assert "large group: 10 images" in done.stdout
    assert run(folder, "--by", "scene", *SHARES).return_value == 0


def test_one_parted_scene_is_singular(folder: Path) -> None:
    run(folder, "--by", "scene", "--reassign", *SHARES)
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        (home,) = homes(folder)["scene1"]
        other = "train" if home != "train" else "val"
        db.execute("UPDATE image SET split = ? WHERE id = 1", (other,))
    done = run(folder, *SHARES)
    assert "warning: 1 scene in different splits" in done.stderr
    assert done.stdout.count("large group: 10 images") == SCENES - 1


def test_blocks_that_an_earlier_split_parted_are_a_warning(folder: Path) -> None:
    done = run(folder, "--by", "block", "--block", "100km", *SHARES)
    assert done.return_value == 1
    assert "of tiles of one place in different splits" in done.stderr
    assert "use --reassign" in done.stderr and "large group" not in done.stdout
    assert run(folder, *SHARES).return_value == 1  # the length is recorded


def test_blocks_that_earlier_folds_parted_are_a_warning(folder: Path) -> None:
    assert run(folder, "--folds", "3").return_value == 0
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        for number in range(91, 95):  # so that three folds remain possible
            category = ("farm", "port")[number % 2]
            builders.add(
                db, "image", id=number, category=category, number=number, sha256=str(number)
            )
    done = run(folder, "--folds", "3", "--by", "block", "--block", "100km")
    assert done.return_value == 1
    assert "of tiles of one place in different folds, assigned before the groups" in done.stderr
    assert "of similar images in" not in done.stderr
    report = json.loads(run(folder, "--folds", "3", "--json").stdout)
    assert report["parted"] == 0 and report["parted_places"] > 0


def test_common_sentences_that_an_earlier_split_parted_are_a_warning(folder: Path) -> None:
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        builders.add_team(db, "a@example.org")
        for image in range(1, 11):
            task = builders.add(db, "task", image_id=image, server_id=image)
            builders.add_annotation(db, ["A bare field."], task_id=task, server_id=image)
    assert run(folder, *SHARES).return_value == 0
    file = folder / "rsitmd.toml"
    old, new = (f"keep_together = {json.dumps(k)}" for k in (RELATIONS, (*RELATIONS, "caption")))
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    done = run(folder, *SHARES)
    assert done.return_value == 1
    assert (
        "warning: 1 group of images with a common sentence in different splits, because images"
        " keep an earlier split; use --reassign to fix this\n" in done.stderr
    )
    assert "another keep_together" in done.stderr  # recorded with the shares and the seed
    assert "large group" not in done.stdout
    report = json.loads(run(folder, *SHARES, "--json").stdout)
    assert (report["parted_captions"], report["settings_changed"]) == (1, True)
    done = run(folder, "--reassign", *SHARES)
    assert done.return_value == 0 and "keep_together" not in run(folder, *SHARES).stderr


def test_a_split_that_recorded_only_shares_and_seed_has_not_changed(folder: Path) -> None:
    with Workspace.open(folder, write=True) as workspace:
        (assigned,) = recorded_assignments(workspace)
        recorded = {"shares": assigned.shares, "seed": assigned.seed}
        with workspace.transaction():
            workspace.set_fact("split", json.dumps(recorded, sort_keys=True))
    assert "note: images that were assigned" not in run(folder, *SHARES).stderr
    assert "note: images that were assigned" in run(folder, *SHARES, "--seed", "5").stderr


@pytest.mark.parametrize("reassign", [(), ("--reassign",)])
def test_the_unit_is_recorded_for_new_tiles(folder: Path, reassign: tuple[str, ...]) -> None:
    run(folder, "--by", "scene", *reassign, *SHARES)
    before = homes(folder)
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        builders.add(db, "scene", id=4)
    add_tiles(folder, [3, 4], SCENES * TILES + 1)
    done = run(folder, *SHARES)
    assert "note: --by scene is used, as recorded; use --by group to end this" in done.stderr
    after = homes(folder)
    assert len(after["scene4"]) == 1
    assert after["scene3"] == before["scene3"]
    with Workspace.open(folder) as workspace:
        new = {i.split for i in stored_images(workspace) if 30 < i.id <= 40}
    assert len(new) == 1  # one split, also if scene 3 is in several


def test_another_unit_replaces_the_recorded_one(folder: Path) -> None:
    run(folder, "--by", "scene", *SHARES)
    assert "as recorded" not in run(folder, "--by", "scene", *SHARES).stderr
    assert run(folder, "--by", "group", *SHARES).return_value == 0
    done = run(folder, "--json", *SHARES)
    assert json.loads(done.stdout)["by"] == "group" and "as recorded" not in done.stderr
    run(folder, "--by", "category", *SHARES)
    with Workspace.open(folder, write=True) as workspace:
        assert split(workspace).by == "category"


def test_the_block_counts_for_by_block_if_footprints_are_switched_off(folder: Path) -> None:
    run(folder, "--by", "block", "--block", "100km", "--reassign", "--shares", "1,0,0")
    file = folder / "rsitmd.toml"
    file.write_text(file.read_text().replace(', "footprint"]', "]"), encoding="utf-8")
    done = CliRunner().invoke(root.cli, ["build", "split", str(folder), "--by", "block"])
    assert done.exit_code != 0
    assert "--block has no effect" in str(done.exception)


def parted_folds(folder: Path) -> int:
    found = defaultdict(set)
    with Workspace.open(folder) as workspace:
        folds = stored_folds(workspace)
        for place in image_places(workspace):
            assert place.scene is not None
            found[place.scene.sha256].add(folds[place.filename])
    return sum(len(numbers) > 1 for numbers in found.values())


def test_parted_scenes_of_folds_are_a_warning_and_their_unit_is_recorded(folder: Path) -> None:
    run(folder, "--folds", "2")
    assert parted_folds(folder) == SCENES
    done = run(folder, "--folds", "2", "--by", "scene")
    assert done.return_value == 1
    assert (
        "warning: 3 scenes in different folds, because images keep an earlier fold;"
        " use --reassign to fix this\n" in done.stderr
    )
    assert "large group" not in done.stdout
    with Workspace.open(folder) as workspace:
        assert folds_request(workspace) == {"folds": 2, "seed": 0, "by": "scene"}
    done = run(folder, "--folds", "2", "--reassign")
    assert "note: --by scene is used, as recorded" in done.stderr
    assert (done.return_value, parted_folds(folder)) == (0, 0)


def test_folds_have_the_unit_of_the_splits_at_first(folder: Path) -> None:
    run(folder, "--by", "scene", *SHARES)
    with Workspace.open(folder, write=True) as workspace:
        assert make_folds(workspace, 3).by == "scene"
    assert parted_folds(folder) == 0
    refused = CliRunner().invoke(
        root.cli,
        ["build", "split", str(folder), "--folds", "4", "--reassign"],
        standalone_mode=False,
    )
    assert "in 3 groups; ingest more images, or use fewer folds, or --by group" in str(
        refused.exception
    )

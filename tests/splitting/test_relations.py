"""Which images a split keeps together, and how each relation is switched off."""

from __future__ import annotations

import json
import random
from itertools import combinations
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rsitmd_tools.cli import root
from rsitmd_tools.errors import RsitmdError, WrongUsage
from rsitmd_tools.imaging.pairs import KINDS
from rsitmd_tools.splitting.relations import (
    caption_groups,
    items,
    pair_groups,
    tile_groups,
    whole_groups,
)
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.images import stored_images
from rsitmd_tools.workspace.pairs import PairDecision, StoredPair, add_decision, add_pairs
from rsitmd_tools.workspace.settings import RELATIONS
from tests import builders

WHEN = "2026-01-02T03:04:05Z"
COUNT = 40
# One pair of each relation, by row.
PAIRS = {"exact": (1, 2), "near": (3, 4), "same-place": (5, 6), "footprint": (7, 8)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with Workspace.create(tmp_path / "w") as workspace, workspace.transaction() as db:
        for n in range(1, COUNT + 1):
            pixels = "1" if n == 2 else str(n)
            values = {"category": "port", "number": n, "sha256": str(n), "pixel_sha256": pixels}
            builders.add(db, "image", **values)
        builders.add(db, "scene", id=1)
        for image in PAIRS["footprint"]:  # two tiles of one scene with common pixels
            window = {"col": 8 * image, "row": 0, "width": 16, "height": 16}
            builders.add(db, "place", image_id=image, scene_id=1, **window)
    run(tmp_path / "w")  # finds the exact pair, and records that pairs were searched
    with Workspace.open(tmp_path / "w", write=True) as workspace, workspace.transaction() as db:
        add_pairs(db, [StoredPair(*PAIRS[kind], kind, 0.9) for kind in ("near", "same-place")])
        workspace.set_fact("places", str(COUNT))
    return tmp_path / "w"


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(
        root.cli, ["build", "split", str(folder), *arguments], standalone_mode=False
    )


def set_relations(folder: Path, *kinds: str) -> None:
    file = folder / "rsitmd.toml"
    text = file.read_text(encoding="utf-8")
    start = text.index("keep_together = ")
    line = text[start : text.index("\n", start)]
    file.write_text(text.replace(line, f"keep_together = {json.dumps(list(kinds))}"))


def parted_pairs(folder: Path) -> set[str]:
    """Return the relations whose images are in different splits for some seed."""
    found = set()
    for seed in range(12):
        done = run(folder, "--reassign", "--seed", str(seed), "--shares", "0.5,0.2,0.3")
        assert done.exception is None
        with Workspace.open(folder) as workspace:
            homes = {image.id: image.split for image in stored_images(workspace)}
        found |= {kind for kind, (a, b) in PAIRS.items() if homes[a] != homes[b]}
    return found


def test_no_relation_is_parted_by_default(folder: Path) -> None:
    assert parted_pairs(folder) == set()


@pytest.mark.parametrize("kind", list(PAIRS))
def test_each_relation_is_switched_off_alone(folder: Path, kind: str) -> None:
    set_relations(folder, *(name for name in RELATIONS if name != kind))
    assert parted_pairs(folder) == {kind}


def test_a_correction_counts_for_all_relations(folder: Path) -> None:
    set_relations(folder)
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        for first, second in PAIRS.values():
            add_decision(db, PairDecision(first, second, "join", "", "", WHEN))
    assert parted_pairs(folder) == set()


def test_the_report_names_the_relations_and_whether_places_were_searched(folder: Path) -> None:
    report = json.loads(run(folder, "--json").stdout)
    assert report["keep_together"] == list(RELATIONS)
    assert (report["kept_together"], report["places_searched"]) == (6, True)
    assert "were not searched" not in run(folder).stderr
    with Workspace.open(folder, write=True) as workspace:
        workspace.set_fact("places", "3")
    assert "note: images of one place were not searched" in run(folder).stderr
    assert json.loads(run(folder, "--json").stdout)["places_searched"] is False
    set_relations(folder, "exact")
    assert "were not searched" not in run(folder).stderr


def test_blocks_need_footprints(folder: Path) -> None:
    set_relations(folder, "exact")
    assert isinstance(run(folder, "--block", "1km").exception, WrongUsage)
    assert run(folder, "--block", "0").exception is None


def test_by_block_requires_a_length_once(folder: Path) -> None:
    assert isinstance(run(folder, "--by", "block").exception, WrongUsage)
    assert isinstance(run(folder, "--by", "block", "--block", "0").exception, WrongUsage)
    assert run(folder, "--by", "block", "--block", "1km").exception is None
    assert run(folder, "--by", "block").exception is None


def test_an_unknown_relation_is_refused(folder: Path) -> None:
    set_relations(folder, "exact", "nearly")
    refused = run(folder).exception
    assert isinstance(refused, RsitmdError) and "keep_together" in str(refused)


def test_tiles_are_groups_only_if_footprints_count(folder: Path) -> None:
    with Workspace.open(folder) as workspace:
        assert tile_groups(workspace, ("exact",)) == {}
        assert tile_groups(workspace, ("footprint",)) == dict.fromkeys(PAIRS["footprint"], 7)


def closure(links: set[tuple[int, int]], rows: list[int]) -> dict[int, set[int]]:
    """Return the images that each image is connected with, by repeated search."""
    found = {}
    for row in rows:
        known, edge = {row}, [row]
        while edge:
            at = edge.pop()
            for pair in links:
                if at in pair:
                    new = set(pair) - known
                    known |= new
                    edge += new
        found[row] = known
    return found


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_what_pairs_and_tiles_connect(folder: Path, seed: int) -> None:
    rng = random.Random(seed)

    def draw(count: int) -> set[tuple[int, int]]:
        return set(combinations(sorted(rng.sample(range(1, COUNT + 1), count)), 2))

    drawn = {pair for _ in range(14) for pair in draw(2)}
    tiles = {row: min(pair) for pair in draw(4) for row in pair}
    with Workspace.open(folder, write=True) as workspace:
        with workspace.transaction() as db:
            db.execute("DELETE FROM image_pair")
            add_pairs(db, [StoredPair(*pair, rng.choice(list(KINDS)), 1.0) for pair in drawn])
        groups = pair_groups(workspace, RELATIONS)
        stored = stored_images(workspace)
        found = items(workspace, stored, groups, tiles)
    rows = [image.id for image in stored]
    expected = closure(drawn | {(first, row) for row, first in tiles.items()}, rows)
    names = dict(zip(rows, (item.group for item in found), strict=True))
    for row in rows:
        assert {other for other in rows if names[other] == names[row]} == expected[row]


def test_a_split_keeps_images_with_a_common_sentence_together_on_request(folder: Path) -> None:
    pairs = [(row, row + 1) for row in range(11, 31, 2)]
    with Workspace.open(folder, write=True) as workspace, workspace.transaction() as db:
        builders.add_team(db, "a@example.org")
        for pair in pairs:
            for row in pair:
                task = builders.add(db, "task", image_id=row, server_id=row)
                builders.add_annotation(db, [f"Text {pair}."], task_id=task, server_id=row)

    def parted() -> int:
        done = run(folder, "--reassign", "--shares", "0.5,0.2,0.3")
        assert done.exception is None
        with Workspace.open(folder) as workspace:
            homes = {image.id: image.split for image in stored_images(workspace)}
        return sum(homes[a] != homes[b] for a, b in pairs)

    assert parted() > 0
    set_relations(folder, *RELATIONS, "caption")
    assert parted() == 0


@pytest.mark.parametrize("together", [True, False])
def test_images_that_share_a_sentence_stay_together_on_request(
    tmp_path: Path, together: bool
) -> None:
    texts = {1: "Two ships.", 2: "two  SHIPS.", 3: "One pier.", 4: "A lake.", 5: "A road."}
    with Workspace.create(tmp_path / "w") as workspace, workspace.transaction() as db:
        builders.add_team(db, "a@example.org")
        for n, text in texts.items():
            values = {"category": "port", "number": n, "sha256": str(n), "pixel_sha256": str(n)}
            row = builders.add(db, "image", **values)
            task = builders.add(db, "task", image_id=row, server_id=n, pushed_at=WHEN)
            builders.add_annotation(
                db, [text], task_id=task, server_id=n, annotator_id=1, created_at=WHEN,
                pulled_at=WHEN,
            )  # fmt: skip
    with Workspace.open(tmp_path / "w") as workspace:
        groups = caption_groups(workspace, [*RELATIONS, *(["caption"] * together)])
    assert groups == ({1: 1, 2: 1} if together else {})


def remove_image(workspace: Workspace, row: int) -> None:
    with workspace.transaction() as db:
        builders.add(db, "removed_image", image_id=row, reason="", removed_at=WHEN)


def test_a_removed_image_holds_its_scene_and_its_category(folder: Path) -> None:
    """An earlier release can have it."""
    scene = list(PAIRS["footprint"])
    with Workspace.open(folder, write=True) as workspace:
        remove_image(workspace, scene[0])
        assert whole_groups(workspace, "scene") == dict.fromkeys(scene, scene[0])
        assert set(whole_groups(workspace, "category").values()) == {1}
        assert len(whole_groups(workspace, "category")) == COUNT
        assert whole_groups(workspace, "group") == {}


@pytest.mark.parametrize("by", ["scene", "category"])
def test_a_new_image_follows_the_removed_ones_of_its_whole(folder: Path, by: str) -> None:
    assert run(folder, "--reassign", "--by", by, "--shares", "0,0,1").exception is None
    with Workspace.open(folder, write=True) as workspace:
        for row in range(1, COUNT + 1):
            remove_image(workspace, row)
        with workspace.transaction() as db:
            values = {"category": "port", "number": COUNT + 1, "sha256": "new"}
            row = builders.add(db, "image", **values, pixel_sha256="new")
            window = {"col": 400, "row": 0, "width": 16, "height": 16}
            builders.add(db, "place", image_id=row, scene_id=1, **window)
            for n in range(5):
                values = {"category": "farm", "number": n, "sha256": f"farm {n}"}
                builders.add(db, "image", **values, pixel_sha256=f"farm {n}")
    assert run(folder, "--by", by, "--shares", "1,0,0").exception is None
    with Workspace.open(folder) as workspace:
        homes = [(image.category, image.split) for image in stored_images(workspace)]
    assert homes == [("port", "test"), *[("farm", "train")] * 5]


@pytest.mark.parametrize("removed", [False, True])
def test_a_new_image_of_a_group_with_a_test_image_is_in_test(folder: Path, removed: bool) -> None:
    options = ("--by", "category", "--shares", "1,0,0")
    assert run(folder, "--reassign", *options).exception is None
    with Workspace.open(folder, write=True) as workspace:
        with workspace.transaction() as db:
            db.execute("UPDATE image SET split = 'test' WHERE id = 1")
            builders.add(db, "image", number=COUNT + 1, sha256="new", pixel_sha256="new")
        if removed:
            remove_image(workspace, 1)
    assert run(folder, *options).exception is None
    with Workspace.open(folder) as workspace:
        assert stored_images(workspace)[-1].split == "test"
        assert [image.split for image in stored_images(workspace)].count("train") == COUNT - 1

"""``split_proof.json``: how near two splits come to each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rsitmd_tools.dataset.records import Dataset, ImageRecord, Sentence
from rsitmd_tools.quality.nearest import nearest_images
from rsitmd_tools.release import make_release
from rsitmd_tools.release.split_proof import split_proof
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.scenes import ImagePlace, Scene

MakeWorkspace = Callable[..., Path]


def image(name: str, split: str, *texts: str) -> ImageRecord:
    return ImageRecord(
        filename=name, category="port", split=split, sentences=tuple(Sentence(t) for t in texts)
    )


def dataset(*images: ImageRecord) -> Dataset:
    return Dataset(name="ports", images=images, source=Path("x"), format="rsitmd")


def hashes(*values: int) -> str:
    return "".join(f"{value:016x}" for value in values)


def place(name: str, west: float, scene: str) -> ImagePlace:
    ring = [[west, 50], [west + 0.01, 50], [west + 0.01, 50.01], [west, 50.01], [west, 50]]
    return ImagePlace(
        image_id=1, filename=name, category="port", split=None, source="s.tif",
        source_size=(1, 1), window=(0, 0, 1, 1), gsd=1.0, group=None,
        footprint={"type": "Polygon", "coordinates": [ring]},
        scene=Scene(
            sha256=scene, source="s.tif", found_at="", size=1, mtime_ns=0, width=1, height=1,
            crs="EPSG:4326", transform=None, acquired=None, bands="{}",
        ),
    )  # fmt: skip


def test_the_nearest_orientation_counts() -> None:
    first = [image("a.tif", "train"), image("b.tif", "train")]
    second = [image("c.tif", "test"), image("d.tif", "test")]
    known = {
        "a.tif": hashes(0b1111, 0b11110000),
        "b.tif": hashes(0xFFFF, 0xFFFFFF),
        "c.tif": hashes(0b11110001, 0b1),
        "d.tif": hashes(0xFFFFFFFF, 0),
    }
    assert nearest_images(first, second, known) == [
        {"images": ["a.tif", "c.tif"], "distance": 1},
        {"images": ["b.tif", "d.tif"], "distance": 8},
    ]


def test_shared_scenes_captions_and_the_distance_on_the_ground() -> None:
    data = dataset(
        image("a.tif", "train", "Two ships.", "One pier."),
        image("b.tif", "test", "two SHIPS.", "A green field."),
    )
    known = {name: hashes(1, 2) for name in ("a.tif", "b.tif")}
    places = [place("a.tif", 8.0, "s"), place("b.tif", 8.02, "s")]
    one = {"a.tif": "s", "b.tif": "s"}
    (found,) = split_proof(data, known, places, scenes=one)["splits"]
    assert (found["splits"], found["shared_scenes"], found["shared_captions"]) == (
        ["train", "test"], 1, 1,
    )  # fmt: skip
    # 0.01 degrees of longitude at 50 degrees of latitude.
    assert found["ground_distance"] == pytest.approx(716.9, abs=0.5)
    places = [place("a.tif", 8.0, "s"), place("b.tif", 8.005, "t")]
    (apart,) = split_proof(data, known, places, scenes={"a.tif": "s", "b.tif": "t"})["splits"]
    assert (apart["shared_scenes"], apart["ground_distance"]) == (0, 0.0)
    (without,) = split_proof(data, known, [], scenes=one)["splits"]
    assert (without["shared_scenes"], without["ground_distance"]) == (1, None)


def test_a_release_has_the_proof(make_workspace: MakeWorkspace, tmp_path: Path) -> None:
    with Workspace.open(make_workspace()) as workspace:
        make_release(workspace, "1.0.0", tmp_path / "out")
    proof = json.loads((tmp_path / "out" / "split_proof.json").read_text(encoding="utf-8"))
    assert [entry["splits"] for entry in proof["splits"]] == [
        ["train", "val"], ["train", "test"], ["val", "test"],
    ]  # fmt: skip
    for entry in proof["splits"]:
        assert entry["ground_distance"] is None
        assert entry["nearest_images"]

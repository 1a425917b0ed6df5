"""``split_proof.html``: thumbnails, verified pairs, escaped text, and no names without images."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from rsitmd_tools.dataset.records import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.ingest.groups import decide, find_places
from rsitmd_tools.ingest.importing import import_dataset
from rsitmd_tools.quality import check_subject
from rsitmd_tools.quality.subject import Subject
from rsitmd_tools.release import ReleaseOptions, make_release, verify_release
from rsitmd_tools.release import split_page as page
from rsitmd_tools.workspace import Workspace
from tests.pictures import cut, ground, jpeg, photo

LEAKS = {"L101": "exact", "L102": "near", "L107": "same-place"}
HOSTILE = "</title><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with an exact copy, a near copy and one place in two splits."""
    tmp_path = tmp_path_factory.mktemp("leaks")
    scene = ground(3)
    images: list[tuple[str, Image.Image]] = [
        ("train", photo(1)),
        ("test", photo(1).rotate(90)),
        ("train", photo(2)),
        ("val", jpeg(photo(2), 70)),
        ("train", cut(scene, 0, 0).convert("RGB")),
        ("test", cut(scene, 120, 0).convert("RGB")),
        ("val", cut(ground(4), 0, 0).convert("RGB")),
    ]
    (tmp_path / "old").mkdir()
    records = []
    for number, (split, image) in enumerate(images):
        name = f"{number}.png"
        image.save(tmp_path / "old" / name)
        texts = (*(Sentence(f"{number} boats lie near pier {n}.") for n in range(4)),)
        shared = Sentence("A grey pier." if split == "val" else "a GREY pier.")
        records.append(ImageRecord(name, (*texts, shared), ("pier",), split=split, category="port"))
    data = Dataset(HOSTILE, tuple(records), tmp_path, "rsitmd", tmp_path / "old")
    folder = tmp_path / "w"
    made = Workspace.create(folder, HOSTILE, text_licence="CC0-1.0", image_licence="CC0-1.0")
    with made:
        import_dataset(made, data, workers=1)
        find_places(made)
    return folder


@pytest.fixture
def workspace(made_once: Path, tmp_path: Path) -> Path:
    """A copy of the workspace, to change."""
    return Path(shutil.copytree(made_once, tmp_path / "w"))


def released(workspace: Path, out: Path, *, images: bool = True) -> tuple[str, list[Any]]:
    options = ReleaseOptions(images=images, allowed=("L101",))
    with Workspace.open(workspace, write=True) as opened:
        make_release(opened, "1.0.0", out, options)
    proof = json.loads((out / "split_proof.json").read_text(encoding="utf-8"))
    return (out / page.SPLIT_PAGE).read_text(encoding="utf-8"), proof["splits"]


def closed(text: str) -> None:
    """Assert that a page loads nothing and holds no markup of the data."""
    assert HOSTILE not in text and "<script" not in text
    assert not re.search(r"https?://", text)


def test_leaks_are_drawn_and_validate_finds_the_same(workspace: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    text, splits = released(workspace, out)
    closed(text)
    pairs = {
        (pair["kind"], *pair["images"]) for entry in splits for pair in entry["verified_pairs"]
    }
    assert pairs == {
        ("near", "port_2.tif", "port_3.tif"),
        ("exact", "port_0.tif", "port_1.tif"),
        ("same-place", "port_4.tif", "port_5.tif"),
    }
    assert [entry["shared_captions"] for entry in splits] == [1, 1, 1]
    card = " ".join((out / "README.md").read_text(encoding="utf-8").split())
    assert "3 pairs of images of one picture or place are in different splits." in card
    drawn = re.findall(r'class="card (crossing)?" data-kind="([^"]*)"', text)
    assert [kind for crossing, kind in drawn if crossing] == ["near", "exact", "same-place"]
    assert {kind for crossing, kind in drawn if not crossing} == {"nearest"}
    listed = sum(len(entry["nearest_images"]) for entry in splits)
    assert text.count('href="data:image/jpeg;base64,') == 2 * (len(pairs) + listed)
    assert "nearest images, 0 bits differ" in text
    rows = re.findall(r"<tr><th scope=.row.>(.*?)</th>(.*?)</tr>", text, re.DOTALL)
    cells = {name: re.findall(r">([^<>\n]+)<", row) for name, row in rows}
    assert cells["train and test"] == [
        "0 of 64 bits", "1", "1", "0", "no footprints", "1",
    ]  # fmt: skip

    result = check_subject(Subject(load_dataset(out), same_place=True))
    found = {
        (LEAKS[finding.code], re.findall(r"port_\d\.tif", finding.message)[0], finding.image)
        for finding in result.findings
        if finding.code in LEAKS
    }
    assert found == pairs


def test_the_page_has_the_same_bytes_again(workspace: Path, tmp_path: Path) -> None:
    assert released(workspace, tmp_path / "a") == released(workspace, tmp_path / "b")


def test_without_images_the_page_has_numbers_only(workspace: Path, tmp_path: Path) -> None:
    text, _ = released(workspace, tmp_path / "out", images=False)
    closed(text)
    assert "port_" not in text and "data:image" not in text and "<svg" not in text
    assert "rsitmd build complete . IMAGES\n" in text
    assert "Distances of the nearest pairs of images: 0 bits (1 pair), " in text
    assert '<span class="leak">1</span>' in text
    assert verify_release(tmp_path / "out").differences == ()


def test_pairs_are_those_after_the_decisions_of_a_person(workspace: Path, tmp_path: Path) -> None:
    with Workspace.open(workspace, write=True) as opened:
        decide(opened, "split", "port_4.tif", "port_5.tif")
        decide(opened, "join", "port_4.tif", "port_6.tif")
    text, splits = released(workspace, tmp_path / "out")
    by_splits = {tuple(entry["splits"]): entry["verified_pairs"] for entry in splits}
    assert by_splits["train", "val"][1] == {
        "images": ["port_4.tif", "port_6.tif"], "kind": "joined", "similarity": None,
    }  # fmt: skip
    assert [pair["kind"] for pair in by_splits["train", "test"]] == ["exact"]
    assert "joined by a person" in text


def test_more_pairs_than_drawn_are_counted(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "MOST_PAIRS", 1)
    text, _ = released(workspace, tmp_path / "out")
    assert "1 more pair in <code>split_proof.json</code>" in text


def test_footprints_are_numbers_of_the_page() -> None:
    records = (
        ImageRecord("a.tif", (), split="train", category="port"),
        ImageRecord("b.tif", (), split="test", category="port"),
    )
    data = Dataset("ports", records, Path("x"), "rsitmd")
    entry = {
        "splits": ["train", "test"], "nearest_images": [], "shared_scenes": 2,
        "ground_distance": 716.94, "shared_captions": 0, "verified_pairs": [],
    }  # fmt: skip
    proof = {"data_sha256": "0", "bits": 64, "same_place_searched": False, "splits": [entry]}
    text = page.split_page(proof, data, (), images=True)
    [row] = re.findall(r"<tr><th scope=.row.>(.*?)</tr>", text, re.DOTALL)
    cells = re.findall(r">([^<>\n]+)<", row)
    assert cells == ["none", "0", "not searched", "2", "716.9 m", "0"]
    assert "<code>footprints.parquet</code>" in text

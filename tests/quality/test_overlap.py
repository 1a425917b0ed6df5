"""What datasets have in common."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from rsitmd_tools.cli import root
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.dataset.exclusions import read_exclusions
from rsitmd_tools.formats import load_dataset
from rsitmd_tools.quality.overlap import overlap
from tests.pictures import cut, ground, jpeg, photo
from tests.quality.written import write_dataset


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    code = root.cli.main([str(argument) for argument in arguments], standalone_mode=False)
    assert code == 0
    return capsys.readouterr().out


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    turned = photo(1).transpose(Image.Transpose.ROTATE_90)
    first = write_dataset(
        tmp_path / "a",
        "first",
        {
            "1.png": ("train", photo(1), "A long pier."),
            "2.png": ("train", photo(2), "A red roof."),
            "3.png": ("test", photo(3), "Two boats."),
        },
    )
    second = write_dataset(
        tmp_path / "b",
        "second",
        {
            "1.png": ("test", turned, "a long  PIER."),
            "x.png": ("train", jpeg(photo(3), 60), "Another."),
            "y.png": ("train", photo(9), "A third."),
        },
    )
    return first, second


def test_pairs_matrix_and_captions_of_two_datasets(
    two: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(run(capsys, "build", "overlap", *two, "--json"))
    assert [entry["name"] for entry in document["datasets"]] == ["first", "second"]
    keys = ("a", "b", "image_a", "image_b", "split_a", "split_b", "kind")
    assert [tuple(pair[key] for key in keys) for pair in document["pairs"]] == [
        (0, 1, "1.png", "1.png", "train", "test", "exact"),
        (0, 1, "3.png", "x.png", "test", "train", "near"),
    ]
    assert matrix(document) == {
        (0, "test", 1, "train"): (1, {"near": 1}),
        (0, "train", 1, "test"): (1, {"exact": 1}),
        (1, "test", 0, "train"): (1, {"exact": 1}),
        (1, "train", 0, "test"): (1, {"near": 1}),
    }
    (captions,) = document["captions"]
    assert captions.pop("examples") == [
        {
            "image_a": "1.png",
            "image_b": "1.png",
            "sentence_a": "A long pier.",
            "sentence_b": "a long  PIER.",
            "similarity": 1.0,
        }
    ]
    assert captions == {
        "a": 0,
        "split_a": "train",
        "b": 1,
        "split_b": "test",
        "sentences": 1,
        "near_sentences": 0,
    }


def matrix(document: dict[str, Any]) -> dict[tuple[Any, ...], tuple[int, dict[str, int]]]:
    sides = ("a", "split_a", "b", "split_b")
    return {
        tuple(entry[side] for side in sides): (entry["images"], entry["kinds"])
        for entry in document["matrix"]
    }


def test_the_matrix_of_one_dataset_counts_each_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two training images are copies of one test image; two of val repeat each other."""
    folder = write_dataset(
        tmp_path / "a",
        "alone",
        {
            "1.png": ("train", jpeg(photo(1), 60), "One."),
            "2.png": ("train", jpeg(photo(1), 80), "Two."),
            "3.png": ("test", photo(1), "Three."),
            "4.png": ("val", photo(2), "Four."),
            "5.png": ("val", photo(2), "Five."),
            "6.png": ("train", photo(3), "Six."),
        },
    )
    found = matrix(json.loads(run(capsys, "build", "overlap", folder, "--json")))
    assert found[0, "test", 0, "train"] == (1, {"near": 1})
    assert found[0, "train", 0, "test"] == (2, {"near": 2})
    assert found[0, "val", 0, "val"] == (2, {"exact": 2})
    assert set(found) <= {
        (0, "test", 0, "train"), (0, "train", 0, "test"), (0, "val", 0, "val"),
        (0, "train", 0, "train"),
    }  # fmt: skip
    text = run(capsys, "build", "overlap", folder)
    assert "alone test: 1 image in alone train (1 near)" in text
    assert "alone train: 2 images in alone test (2 near)" in text


def test_three_datasets_are_compared_in_pairs(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    third = write_dataset(
        tmp_path / "c",
        "third",
        {"c.png": ("val", photo(9), "A fourth."), "d.png": ("test", photo(1), "A fifth.")},
    )
    document = json.loads(run(capsys, "build", "overlap", *two, third, "--json"))
    assert [entry["name"] for entry in document["datasets"]] == ["first", "second", "third"]
    keys = ("a", "b", "image_a", "image_b", "kind")
    assert sorted(tuple(pair[key] for key in keys) for pair in document["pairs"]) == [
        (0, 1, "1.png", "1.png", "exact"),
        (0, 1, "3.png", "x.png", "near"),
        (0, 2, "1.png", "d.png", "exact"),
        (1, 2, "1.png", "d.png", "exact"),
        (1, 2, "y.png", "c.png", "exact"),
    ]
    assert matrix(document)[1, "train", 2, "val"] == (1, {"exact": 1})
    assert len(document["matrix"]) == 10


def test_exclusions_name_the_training_images_of_both(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "exclude.json"
    out = run(capsys, "build", "overlap", *two, "--exclusions", file)
    assert "pairs of images: 2 (1 exact, 1 near)" in out
    assert read_exclusions(file, load_dataset(two[0])) == {"1.png"}
    assert read_exclusions(file, load_dataset(two[1])) == {"x.png"}


def excluded(file: Path, capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    """The exclusions of an overlap: reason and other image by dataset and file."""
    run(capsys, "build", "overlap", *words, "--exclusions", file)
    lists = json.loads(file.read_text(encoding="utf-8"))["exclude"]
    return {
        name: {entry["filename"]: (entry["because"], entry["of"]) for entry in entries}
        for name, entries in lists.items()
    }


def test_each_copy_of_a_tested_image_is_excluded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Copies are paired with the first one only: here with a training image."""
    images = {
        "1.png": ("train", photo(1), "A boat."),
        "2.png": ("train", photo(1), "A boat."),
        "3.png": ("test", photo(1), "A boat."),
        "4.png": ("train", jpeg(photo(1), 60), "A boat."),
        "5.png": ("val", photo(2), "A pier."),
        "6.png": ("test", photo(2), "A pier."),
    }
    path = write_dataset(tmp_path / "a", "one", images)
    assert excluded(tmp_path / "list.json", capsys, path) == {
        "one": {
            "1.png": ("image", "3.png"),
            "2.png": ("image", "3.png"),
            "4.png": ("near image", "3.png"),
        }
    }


def test_each_copy_of_an_image_that_is_tested_elsewhere_is_excluded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = {
        "1.png": ("train", photo(1), "A boat."),
        "2.png": ("train", photo(1), "A boat."),
        "3.png": ("test", photo(2), "A pier."),
        "4.png": ("train", photo(2), "A pier."),
    }
    two = {
        "5.png": ("train", photo(1), "A boat."),
        "6.png": ("test", photo(1), "A boat."),
        "7.png": ("train", photo(2), "A pier."),
    }
    paths = [write_dataset(tmp_path / n, n, images) for n, images in (("a", one), ("b", two))]
    # 4.png is a copy of a tested image of its own dataset: overlap with one dataset lists it.
    assert excluded(tmp_path / "list.json", capsys, *paths) == {
        "a": {"1.png": ("image", "6.png"), "2.png": ("image", "6.png")},
        "b": {"7.png": ("image", "3.png")},
    }


def views_of_one_place() -> tuple[Image.Image, Image.Image]:
    scene = ground(3)
    return cut(scene, 0, 0).convert("RGB"), cut(scene, 120, 0).convert("RGB")


def test_copies_of_an_image_of_a_tested_place_are_excluded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = views_of_one_place()
    images = {
        "1.png": ("train", here, "Houses."),
        "2.png": ("train", jpeg(here, 60), "Houses."),
        "3.png": ("train", there, "Houses."),
        "4.png": ("test", there, "Houses."),
    }
    path = write_dataset(tmp_path / "a", "one", images)
    found = excluded(tmp_path / "list.json", capsys, path, "--same-place")["one"]
    assert found["3.png"] == ("image", "4.png")
    assert {found[name][0] for name in ("1.png", "2.png")} == {"same place"}


def test_an_image_of_a_tested_picture_and_place_is_listed_as_a_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = views_of_one_place()
    images = {
        "1.png": ("train", here, "Houses."),
        "2.png": ("train", here, "Houses."),
        "3.png": ("test", here, "Houses."),
        "4.png": ("test", there, "Houses."),
    }
    path = write_dataset(tmp_path / "a", "one", images)
    assert excluded(tmp_path / "list.json", capsys, path, "--same-place")["one"] == {
        "1.png": ("image", "3.png"),
        "2.png": ("image", "3.png"),
    }


def test_one_dataset_is_compared_with_itself(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, there = views_of_one_place()
    images = {
        "1.png": ("train", here, "Houses."),
        "2.png": ("test", there, "Houses."),
        "3.png": ("test", cut(ground(4), 0, 0).convert("RGB"), "More houses."),
    }
    path = write_dataset(tmp_path / "a", "one", images)
    assert json.loads(run(capsys, "build", "overlap", path, "--json"))["pairs"] == []
    document = json.loads(run(capsys, "build", "overlap", path, "--same-place", "--json"))
    (pair,) = document["pairs"]
    assert (pair["image_a"], pair["image_b"], pair["kind"]) == ("1.png", "2.png", "same-place")
    assert 0.4 < pair["overlap"] < 0.65
    assert [entry["sentences"] for entry in document["captions"]] == [1, 1]


def test_a_dataset_without_images_is_compared_by_its_sentences(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = write_dataset(tmp_path / "t", "texts", {"1.png": ("train", None, "Two boats.")})
    out = run(capsys, "build", "overlap", two[0], texts)
    assert "texts: 1 image; no image file, so only the sentences are compared" in out
    assert "pairs of images: 0\n" in out
    assert "first test: 1 equal sentence in texts train" in out


def test_images_of_one_place_are_also_found_by_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rsitmd_tools.imaging.same_place.neighbours", lambda *_, **__: [])
    scene = ground(1)
    first = write_dataset(
        tmp_path / "a",
        "first",
        {
            "1.png": ("train", cut(ground(2), 0, 0), "A pier."),
            "2.png": ("train", None, "A roof."),
            "3.png": ("train", cut(scene, 0, 0), "A field."),
        },
    )
    second = write_dataset(
        tmp_path / "b", "second", {"1.png": ("test", cut(scene, 120, 0), "Trees.")}
    )

    def embed(part: Dataset) -> npt.NDArray[np.float32]:
        return np.array([[image.filename == "1.png", 1] for image in part], np.float32)

    datasets = [load_dataset(first), load_dataset(second)]
    assert overlap(datasets, 16, same_place=True).pairs == []
    (pair,) = overlap(datasets, 16, same_place=True, embed=embed).pairs
    assert (pair.image_a.filename, pair.image_b.filename) == ("3.png", "1.png")
    assert pair.kind == "same-place"

"""Evaluated runs and their dataset, written without training anything."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.schemas import first_error, load_schema
from tests.chromium import launched

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MakeRun = Callable[..., Path]
HOSTILE = "<script>alert(1)</script> \"quoted\" & 'more' ]]> --> </style>"


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    """A dataset of TIFF images with hostile sentences."""
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    images = []
    for index in range(6):
        name = f"farm_{index + 1}.tif"
        Image.new("RGB", (24, 24), (40 * index, 90, 60)).save(folder / "images" / name)
        texts = [HOSTILE, *(f"Field number {index} seen by {n} people." for n in range(4))]
        split = ("train", "val", "test")[index // 2]
        images.append(
            ImageRecord(name, tuple(map(Sentence, texts)), ("green field",), split, "farm")
        )
    save_dataset(Dataset("Äcker", tuple(images), folder, "rsitmd"), folder, "rsitmd")
    return load_dataset(folder)


@pytest.fixture
def make_run(tmp_path: Path, data: Dataset) -> MakeRun:
    """Return a function that writes a run of the fixture's dataset."""

    def make(name: str = "run", **changes: Any) -> Path:
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        document = {**result(data), **changes}
        assert first_error(document, load_schema("benchmark_result")) is None
        files: dict[str, Any] = {
            "result.json": document,
            "run.json": {
                "command": "rsitmd benchmark train",
                "data_path": str(data.source),
                "finished": {"seconds": 90},
            },
            "examples.json": examples(data),
        }
        for file, content in files.items():
            (folder / file).write_text(json.dumps(content), encoding="utf-8")
        (folder / "metrics.csv").write_text(
            "epoch,loss,val_mean_recall\n0,0.9,20\n1,0.5,35.5\n2,0.4,30\n"
        )
        return folder

    return make


@pytest.fixture
def analysis(data: Dataset) -> dict[str, Any]:
    """The analysis of an evaluation of the dataset."""
    first, second = data.select("test").images
    errors = {
        "queries": 10,
        "wrong": 3,
        "likely": 1,
        "pairs": [
            {
                "image": first.filename,
                "sentence": first.captions[0],
                "found": second.filename,
                "similarity": 0.75,
            }
        ],
    }
    easy = {"image": first.filename, "margin": 0.4}
    return {
        "split": "test",
        "data_sha256": data.checksum(),
        "margins": {"texts": 4, "points": [[0.0, 0.7], [0.5, 0.1], [0.9, -0.2], [0.25, 0.0]]},
        "confusion": {
            "categories": ["$a_b$", "farm", "port"],
            "counts": [[4, 0, 1], [2, 3, 0], [0, 0, 5]],
        },
        "easiest": {
            "text_to_image": [{"query": first.captions[0], **easy}],
            "image_to_text": [{"sentence": first.captions[1], **easy}],
        },
        "false_negatives": {"threshold": 0.5, "text_to_image": errors, "image_to_text": errors},
        "saliency": [
            {"image": first.filename, "map": [[0.0, 1.0], [2.0, 3.0]]},
            {"image": "gone.tif", "map": [[0.0]]},
        ],
        "times": {
            "device": "cpu",
            "threads": 1,
            "gallery": 2,
            "rows": [
                {"part": "encode image", "batch": 1, "milliseconds": 12.5},
                {"part": "encode image", "batch": 16, "milliseconds": 4},
                {"part": "match", "batch": 1, "milliseconds": 0.25},
            ],
        },
    }


@pytest.fixture
def analysed(make_run: MakeRun, analysis: dict[str, Any]) -> MakeRun:
    """Return a function that writes a run with an analysis."""

    def make(name: str = "run", **changes: Any) -> Path:
        folder = make_run(name, **changes)
        (folder / "analysis.json").write_text(json.dumps(analysis))
        return folder

    return make


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """The page that a test writes, in a folder that does not exist."""
    return tmp_path / "pages" / "report.html"


def result(data: Dataset) -> dict[str, Any]:
    recalls = {"r1": 41.0, "r5": 62.0, "r10": 83.0}
    ranges = {"r1": [31.0, 51.0], "r5": [52.0, 72.0], "r10": [73.0, 93.0]}
    both = {"image_to_text": recalls, "text_to_image": recalls, "mean_recall": 62.0}
    low = {"r1": 10.0, "r5": 20.0, "r10": 30.0}
    interval = {
        "level": 0.95,
        "method": "bootstrap over images",
        "seed": 0,
        "image_to_text": ranges,
        "text_to_image": ranges,
        "mean_recall": [52.5, 71.5],
    }
    chance = {"image_to_text": low, "text_to_image": low, "mean_recall": 20.0}
    prior = {"definition": "reference", "sha256": "0" * 64}
    first, second = data.select("test").images
    return {
        **both,
        "median_rank": {"image_to_text": 1.5, "text_to_image": 2},
        "interval": interval,
        "chance": chance,
        "soft_positive": {
            **both,
            "mean_recall": 71.25,
            "metric": "soft",
            "prior": prior,
            "interval": interval,
            "chance": {**chance, "mean_recall": 33.5},
        },
        "map_at_r": {
            "metric": "mAP@R",
            "own": {"image_to_text": 30.0, "text_to_image": 40.0},
            "with_extra_positives": {"image_to_text": 31.0, "text_to_image": 41.0},
            "extra_positives": {"verified": False, "pairs": 7, "answered": 0, "rule": {}},
        },
        "categories": {"farm": {**both, "images": 2, "texts": 10}},
        "hardest": {
            "image_to_text": [],
            "text_to_image": [
                {
                    "query": second.captions[2],
                    "image": second.filename,
                    "rank": 2,
                    "first": first.filename,
                }
            ],
        },
        "images_without_sentences": 0,
        "blank_sentences": 0,
        "command": "rsitmd benchmark evaluate",
        "ties": {"pessimistic": both, "optimistic": both},
        "metric": "hit rate",
        "unit": "percent",
        "gallery": {"images": 2, "texts": 10},
        "split": "test",
        "data": data.name,
        "data_sha256": data.checksum(),
        "training_data_sha256": data.checksum(),
        "trained_on_this_data": True,
        "prior": prior,
        "model": "amfmn",
        "seed": 3,
        "weights": "random",
        "settings": {
            "attention": "soft",
            "backbone": "resnet18",
            "margin": {"kind": "fixed", "value": 0.2},
        },
        "checkpoint_sha256": "1" * 64,
        "versions": {"python": "3.11"},
        "machine": {"cores": 2},
    }


def examples(data: Dataset) -> dict[str, Any]:
    first, second = data.select("test").images
    return {
        "text_to_image": [
            {
                "query": first.captions[0],
                "image": first.filename,
                "found": [
                    {"image": second.filename, "score": 0.9, "relevant": False},
                    {"image": first.filename, "score": 0.8, "relevant": True},
                ],
            }
        ],
        "image_to_text": [
            {
                "image": second.filename,
                "found": [
                    {"sentence": first.captions[0], "score": 0.9, "relevant": False},
                    {"sentence": first.captions[1], "score": 0.9, "relevant": False},
                ],
            }
        ],
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser

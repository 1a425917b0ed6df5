"""Rules of severity error on correct data: they report what is wrong there, nothing else."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from rsitmd_tools.dataset import Dataset, ImageRecord, Sentence
from rsitmd_tools.demo.captioned import CaptionedImage, read_captioned
from rsitmd_tools.demo.scenes import write_scenes
from rsitmd_tools.formats import load_dataset, save_dataset
from rsitmd_tools.quality import check
from rsitmd_tools.quality.finding import Finding
from rsitmd_tools.quality.registry import all_rules
from rsitmd_tools.workspace import Settings

ERRORS = tuple(code for code, entry in all_rules().items() if entry.severity == "error")


def errors(data: Dataset) -> list[Finding]:
    """Run the rules of severity error."""
    settings = Settings()
    return check(data, replace(settings, validate=replace(settings.validate, select=ERRORS)))


def as_record(image: CaptionedImage, split: str) -> ImageRecord:
    sentences = tuple(Sentence(raw, annotator=name) for name, raw in image.sentences)
    return ImageRecord(image.path.name, sentences, image.keywords, split, image.category)


@pytest.fixture(scope="module")
def demo_release(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Scenes of the demo with their true captions, in the order of its release."""
    folder = tmp_path_factory.mktemp("demo")
    write_scenes(folder, 200, 0)
    chance = random.Random(0)
    images = sorted(read_captioned(folder), key=lambda image: image.path.name)
    records = [
        as_record(image, chance.choices(("train", "val", "test"), (7, 1, 2))[0]) for image in images
    ]
    data = Dataset("demo", tuple(records), folder, "memory", folder / "images")
    save_dataset(data, folder / "release", "rsitmd")
    return load_dataset(folder / "release", image_folder=folder / "images")


def test_no_error_on_the_release_of_the_demo(demo_release: Dataset) -> None:
    assert len(demo_release) == 200
    assert errors(demo_release) == []


def test_no_error_on_scenes_with_alternating_categories(demo_release: Dataset) -> None:
    """`rsitmd demo` draws the categories in turn; a split may keep that order."""
    images = sorted(demo_release, key=lambda image: image.filename.rpartition("_")[2])
    data = demo_release.with_images([replace(image, split="train") for image in images])
    assert errors(data) == []


@pytest.mark.parametrize("name", ["ucm_full", "ucm_precomp"])
def test_no_error_on_ucm(shared_data: Path, name: str) -> None:
    assert errors(load_dataset(shared_data / name)) == []


def test_the_blank_sentences_are_the_only_errors_of_rsitmd(shared_data: Path) -> None:
    """Four training images of the published files have five blank lines each."""
    found = errors(load_dataset(shared_data / "rsitmd_precomp"))
    assert {(finding.code, finding.split) for finding in found} == {("S101", "train")}
    assert Counter(finding.image for finding in found) == {
        "mountain_2378.tif": 5,
        "railwaystation_3254.tif": 5,
        "storagetanks_4367.tif": 5,
        "viaduct_4635.tif": 5,
    }

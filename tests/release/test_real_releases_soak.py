"""Real datasets from import to release, then read by the libraries of the field (`make soak`).

Each is made as a user would: import, split, release, verify, convert. A brute-force check that
shares no candidates with the tool finds no picture in two splits.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import mlcroissant
import numpy as np
import pytest
from PIL import Image

import rsitmd_tools
from rsitmd_tools.cli import root
from rsitmd_tools.dataset import Dataset
from rsitmd_tools.formats import load_dataset
from tests.splitting.brute_force import equal_pixels, most_alike, of_one_picture

pytestmark = [pytest.mark.soak, pytest.mark.libraries]

IMAGES = {"rsscn7_sample": 28, "ucm_full": 2100, "rsitmd_partial": 3630}


class Made(NamedTuple):
    """A release, and the captions by file name without suffix, for each split."""

    folder: Path
    dataset: Dataset
    captions: dict[str, dict[str, list[str]]]


def run(*arguments: object) -> None:
    assert root._run([*map(str, arguments)], False) == 0


@pytest.fixture(scope="module", params=IMAGES)
def made(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Made:
    scratch = tmp_path_factory.mktemp(request.param)
    workspace, release = scratch / "w", scratch / f"{request.param}-1.0.0"
    run("build", "init", workspace)
    run("build", "import", workspace, shared_data / request.param)
    run("build", "split", workspace, "--reassign")
    run("build", "release", workspace, "--version", "1.0.0", "-o", release, "--allow-no-licence")
    run("build", "verify", release)
    dataset = load_dataset(release)
    assert len(dataset) == IMAGES[request.param]
    captions = {
        split: {Path(i.filename).stem: list(i.captions) for i in dataset.select(split)}
        for split in ("train", "val", "test")
    }
    return Made(release, dataset, captions)


def converted(made: Made, target: Path, *options: str) -> Path:
    run("build", "convert", made.folder, target, *options)
    return target


def test_no_picture_is_in_two_splits(made: Made) -> None:
    homes = [str(image.split) for image in made.dataset]
    paths = [made.dataset.image_path(image) for image in made.dataset]
    assert equal_pixels(paths, homes) == []
    greys = [np.asarray(Image.open(path).convert("L")) for path in paths]
    alike = most_alike(greys, homes)
    assert of_one_picture(greys, alike) == []
    assert Counter(homes).total() == len(paths)


def test_the_card_answers_from_the_data(made: Made) -> None:
    text = (made.folder / "README.md").read_text(encoding="utf-8")
    counts = {split: len(images) for split, images in made.captions.items()}
    assert all(f"| {split} | {count} |" in text for split, count in counts.items())
    assert "All sentences were imported" in text
    assert "Label Studio" not in text


def test_the_python_api_loads_it(made: Made) -> None:
    data = rsitmd_tools.load(made.folder)
    for split, captions in made.captions.items():
        part = data.split(split)
        assert {Path(i.filename).stem: list(i.captions) for i in part} == captions


def test_croissant_describes_it(made: Made) -> None:
    document = mlcroissant.Dataset(jsonld=made.folder / "croissant.json")
    images = list(document.records("images"))
    assert Counter(_text(record["images/split"]) for record in images) == {
        split: len(captions) for split, captions in made.captions.items()
    }
    sentences = [_text(r["sentences/sentence"]) for r in document.records("sentences")]
    assert sentences == list(made.dataset.captions())
    pixels = list(itertools.islice(document.records("pixels"), 5))
    assert {record["pixels/image"].size for record in pixels} == {(256, 256)}


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def test_hugging_face_loads_it(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    folder = converted(made, tmp_path / "folder", "--to", "imagefolder", "--images", "jpeg:90")
    found = datasets.load_dataset(
        "imagefolder", data_dir=str(folder), cache_dir=str(tmp_path / "cache")
    )
    for split, captions in made.captions.items():
        rows = found["validation" if split == "val" else split]
        assert Counter(map(tuple, rows["captions"])) == Counter(map(tuple, captions.values()))
        assert rows[0]["image"].size == (256, 256)


def test_webdataset_loads_it(made: Made, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    folder = converted(made, tmp_path / "shards", "--to", "webdataset", "--images", "jpeg:90")
    for split, captions in made.captions.items():
        urls = sorted(map(str, folder.glob(f"*-{split}-*.tar")))
        rows = webdataset.WebDataset(urls, shardshuffle=False, empty_check=False)
        found = {
            Path(json["filename"]).stem: (json["captions"], image.shape)
            for image, json in rows.decode("rgb8").to_tuple("jpg", "json")
        }
        assert {name: texts for name, (texts, _) in found.items()} == captions
        assert {shape for _, shape in found.values()} == {(256, 256, 3)}


def test_open_clip_loads_it(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pytest.importorskip("open_clip_train.data")
    options = ("--variant", "filepath-tab", "--images", "link")
    folder = converted(made, tmp_path / "csv", "--to", "open-clip-csv", *options)
    monkeypatch.chdir(folder)
    for split, captions in made.captions.items():
        (file,) = folder.glob(f"*_{split}.csv")
        found = data.CsvDataset(
            str(file),
            transforms=lambda image: image.size,
            img_key="filepath",
            caption_key="title",
            tokenizer=list,
        )
        assert len(found) == sum(map(len, captions.values()))
        assert Counter(found.captions) == Counter(itertools.chain(*captions.values()))
        assert found[0][0] == (256, 256)


def test_pycocotools_loads_it(made: Made, tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    folder = converted(made, tmp_path / "coco", "--to", "coco", "--images", "none")
    for split, captions in made.captions.items():
        found = coco.COCO(str(folder / f"captions_{split}.json"))
        texts = {
            Path(found.loadImgs(number)[0]["file_name"]).stem: [
                entry["caption"] for entry in found.loadAnns(found.getAnnIds(imgIds=[number]))
            ]
            for number in found.getImgIds()
        }
        assert texts == captions


def test_the_largest_deviation_of_a_category_is_that_of_its_groups(made: Made) -> None:
    """Prints the figures of the documentation: images above or below the share of a category."""
    count = Counter((image.category, image.split) for image in made.dataset)
    total = Counter(image.category for image in made.dataset)
    settings = json.loads((made.folder / "release.json").read_text(encoding="utf-8"))["settings"]
    shares = {split: settings["split"][split] for split in made.captions}
    worst = max(
        (abs(count[category, split] - share * total[category]), category, split)
        for category in total
        for split, share in shares.items()
    )
    parts = Counter(image.split for image in made.dataset)
    files = [file for file in made.folder.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files) / 1e6
    print(
        f"\n{made.folder.name}: {len(files)} files, {size:.0f} MB;"
        f" {', '.join(f'{split} {parts[split]}' for split in shares)};"
        f" {len(total)} categories, largest deviation {worst}"
    )
    assert worst[0] < max(10, 0.1 * total[worst[1]])
